import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { type Platform, startPlatform } from '../support/platform.ts'
import { createPerson, openStarting, signIn } from './people.ts'

const run = promisify(execFile)

describe('a link of unmodified nbgitpuller', () => {
  let folder: string
  let git: Server
  let repository: string
  let platform: Platform

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atrium-course-'))
    git = await serveRepository(folder)
    repository = `http://127.0.0.1:${(git.address() as AddressInfo).port}/course`
    platform = await startPlatform()
    await createPerson(platform, 'alice')
  })
  after(async () => {
    git?.closeAllConnections()
    git?.close()
    await platform?.dispose()
    await rm(folder, { recursive: true })
  })

  test('starts the server, pulls the course into the home and opens its notebook', async () => {
    const alice = await signIn(platform, 'alice')
    // Plain files are served, which git cannot clone in part.
    const pull = { repo: repository, branch: 'main', depth: '0' }
    const query = new URLSearchParams({ ...pull, urlpath: 'lab/tree/course/day 1.txt' })
    const link = `/hub/user-redirect/git-pull?${query}`
    const puller = await openStarting(alice, link, '/user/alice/git-pull')
    assert.equal(puller.status, 200)
    assert.equal(puller.url.searchParams.get('repo'), repository)
    assert.equal(puller.url.searchParams.get('urlpath'), 'lab/tree/course/day 1.txt')

    const pulled = await alice.call(`/user/alice/git-pull/api?${new URLSearchParams(pull)}`)
    assert.match(pulled.text, /"phase": "finished"/, pulled.text)
    const file = await alice.call('/user/alice/api/contents/course/day%201.txt')
    assert.equal(JSON.parse(file.text).content, 'to read\n')
    const lab = await alice.open('/user/alice/lab/tree/course/day%201.txt')
    assert.equal(lab.status, 200)
  })
})

/** A repository with one file, served as plain files: git's dumb protocol. */
async function serveRepository(folder: string): Promise<Server> {
  const [work, bare] = [join(folder, 'work'), join(folder, 'course')]
  await run('git', ['init', '--quiet', '--initial-branch=main', work])
  await writeFile(join(work, 'day 1.txt'), 'to read\n')
  await run('git', ['-C', work, 'add', '.'])
  const author = ['-c', 'user.name=Teacher', '-c', 'user.email=teacher@course.example']
  await run('git', ['-C', work, ...author, 'commit', '--quiet', '--message=Day 1'])
  await run('git', ['clone', '--quiet', '--bare', work, bare])
  await run('git', ['-C', bare, 'update-server-info'])
  const server = createServer(async (incoming, answer) => {
    const path = join(folder, normalize(new URL(incoming.url ?? '/', 'http://git').pathname))
    const file = await stat(path).catch(() => undefined)
    if (file?.isFile()) createReadStream(path).pipe(answer)
    else answer.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
