import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { waitFor } from '#platform/wait-for.ts'

import { createKeeperClient, type KeeperClient } from './keeper-client.ts'

const program = join(import.meta.dirname, '..', '..', 'main', 'storage-keeper.ts')
const token = 'k'.repeat(40)
const alice = { folder: 'alice', uid: 20_001, gid: 20_001 }

/** What the chart lets it do, and no more. */
const rights = [
  'setpriv',
  '--bounding-set=-all,+chown,+dac_override,+fowner',
  '--inh-caps=-all',
  '--no-new-privs',
]

describe('the storage keeper', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'atrium-keeper-'))
  const root = join(dir, 'storage')
  const tokenFile = join(dir, 'token')
  let keeper: ChildProcess
  let url = ''
  let client: KeeperClient

  async function start(port: number): Promise<void> {
    const [command = '', ...args] = rights
    keeper = spawn(command, [...args, process.execPath, program], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        ATRIUM_KEEPER_ROOT: root,
        ATRIUM_KEEPER_TOKEN_FILE: tokenFile,
        ATRIUM_KEEPER_PORT: String(port),
        ATRIUM_KEEPER_HOST: '127.0.0.1',
      },
    })
    let log = ''
    keeper.stderr?.on('data', (part: Buffer) => {
      log += part.toString()
    })
    const bound = await waitFor('the keeper to listen', async () => /"port":(\d+)/.exec(log)?.[1], {
      deadlineMs: 60_000,
    })
    url = `http://127.0.0.1:${bound}`
    client = createKeeperClient({ url, tokenFile })
  }

  const stop = async () => {
    if (keeper.exitCode !== null) return
    keeper.kill('SIGTERM')
    await once(keeper, 'exit')
  }

  before(async () => {
    mkdirSync(root)
    writeFileSync(tokenFile, token, { mode: 0o600 })
    await start(0)
  })
  after(async () => {
    await stop()
    rmSync(dir, { recursive: true })
  })

  const describeFolder = (...path: string[]) => {
    const { uid, gid, mode } = statSync(join(root, ...path))
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`
  }
  /** As anybody on the network may ask, without what a client would tidy up. */
  const ask = async (method: string, path: string, body: string, authorization = `Bearer ${token}`) => {
    const asked = httpRequest(url, { method, path, headers: { authorization } })
    asked.end(body)
    const [answer] = await once(asked, 'response')
    answer.resume()
    return answer.statusCode as number
  }

  test('makes homes and folders of groups with no more rights than three', async () => {
    await client.ensureHome(alice)
    await client.ensureHome(alice)
    await client.ensureGroup({ folder: 'physics', gid: 1_900_000_001 })
    assert.equal(describeFolder('homes', 'alice'), '20001:20001 700')
    assert.equal(describeFolder('groups', 'physics'), '0:1900000001 2770')
    await client.check()
  })

  test('does not give away what is there, and says whose it is', async () => {
    await assert.rejects(
      client.ensureHome({ ...alice, uid: 20_002 }),
      (error) => isPlatformError(error, 'conflict') && /user id 20001/.test(error.message),
    )
  })

  test('takes no paths, no numbers of the system’s, and nothing it does not know', async () => {
    const body = JSON.stringify({ uid: 20_001, gid: 20_001 })
    for (const path of [
      '/homes/..',
      '/homes/../x',
      '/homes/%2e%2e',
      '/homes/a%2fb',
      '/homes/',
      '/homes/a/b',
      '/etc/alice',
      '//homes/a',
      '/homes/a%00b',
      `/homes/${'a'.repeat(70)}`,
    ])
      assert.ok([400, 404].includes(await ask('PUT', path, body)), path)
    for (const ids of [
      { uid: 0, gid: 0 },
      { uid: 999, gid: 20_001 },
      { uid: 20_001, gid: 0 },
      { uid: -1, gid: 20_001 },
      { uid: '20001', gid: 20_001 },
      { uid: 20_001 },
      { uid: 20_001, gid: 20_001, mode: 0o777 },
    ])
      assert.equal(await ask('PUT', '/homes/eve', JSON.stringify(ids)), 400, JSON.stringify(ids))
    assert.equal(await ask('PUT', '/homes/eve', 'no JSON'), 400)
    assert.equal(await ask('PUT', '/homes/eve', 'x'.repeat(2000)), 413)
    assert.equal(await ask('DELETE', '/homes/alice', ''), 405)
    assert.deepEqual(execFileSync('ls', [join(root, 'homes')], { encoding: 'utf8' }), 'alice\n')
  })

  test('does nothing for who does not know the token', async () => {
    const body = JSON.stringify({ uid: 20_003, gid: 20_003 })
    for (const header of ['', 'Bearer ', `Bearer ${token}x`, `Basic ${token}`])
      assert.equal(await ask('PUT', '/homes/mallory', body, header), 403)
    assert.equal(await ask('GET', '/homes/alice/size', '', ''), 403)
    assert.equal(await ask('GET', '/health', '', ''), 200)
  })

  test('a link in a home’s place leads nowhere', async () => {
    symlinkSync('/etc', join(root, 'homes', 'mallory'))
    await assert.rejects(client.ensureHome({ ...alice, folder: 'mallory' }), (error) =>
      isPlatformError(error, 'conflict'),
    )
    assert.equal(await client.findHomeSize('mallory'), undefined)
    unlinkSync(join(root, 'homes', 'mallory'))
    assert.equal(statSync('/etc').uid, 0)
  })

  test('says how much is in a home, and follows no link in it', async () => {
    await client.ensureHome({ folder: 'bob', uid: 20_002, gid: 20_002 })
    const home = join(root, 'homes', 'bob')
    mkdirSync(join(home, 'deep', 'deeper'), { recursive: true })
    writeFileSync(join(home, 'deep', 'deeper', 'data'), Buffer.alloc(3_000_000, 1))
    writeFileSync(
      Buffer.concat([Buffer.from(`${home}/`), Buffer.from([0xff, 0xfe])]),
      Buffer.alloc(1_000_000, 1),
    )
    symlinkSync('/usr', join(home, 'usr'))
    symlinkSync('..', join(home, 'deep', 'loop'))
    execFileSync('ln', [join(home, 'deep', 'deeper', 'data'), join(home, 'second-name')])
    execFileSync('sync')
    const size = await waitFor('a size', () => client.findHomeSize('bob'), { deadlineMs: 60_000 })
    assert.ok(size.bytes >= 4_000_000 && size.bytes < 4_200_000, String(size.bytes))
    assert.deepEqual([size.files, size.complete], [7, true])
    // Asked again at once, it does not look again.
    writeFileSync(join(home, 'more'), Buffer.alloc(1_000_000, 1))
    assert.equal((await client.findHomeSize('bob'))?.bytes, size.bytes)
    assert.equal(await client.findHomeSize('nobody'), undefined)
  })

  test('a folder too deep is not followed for ever', async () => {
    await client.ensureHome({ folder: 'deep', uid: 20_003, gid: 20_003 })
    const script = `import os\nos.chdir(${JSON.stringify(join(root, 'homes', 'deep'))})\nfor _ in range(3000):\n    os.mkdir("d"); os.chdir("d")`
    execFileSync('python3', ['-c', script])
    const size = await waitFor('a size', () => client.findHomeSize('deep'), { deadlineMs: 60_000 })
    assert.equal(size.complete, false)
  })

  test('while it is away whoever waits for it is told so, and it goes on where it was', async () => {
    const port = Number(new URL(url).port)
    await stop()
    await assert.rejects(
      client.ensureHome(alice),
      (error) =>
        isPlatformError(error, 'scheduler_unavailable') &&
        /storage keeper.*does not answer/.test(error.message),
    )
    await start(port)
    await client.ensureHome(alice)
    writeFileSync(tokenFile, 'n'.repeat(40))
    await client.ensureHome(alice)
    const stranger = join(dir, 'other-token')
    writeFileSync(stranger, token)
    await assert.rejects(
      createKeeperClient({ url, tokenFile: stranger }).ensureHome(alice),
      (error) =>
        isPlatformError(error, 'scheduler_unavailable') &&
        /does not know the platform’s token/.test(error.message),
    )
  })
})
