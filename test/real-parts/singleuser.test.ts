import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import type { HttpBrowser } from './http-browser.ts'
import { executeCode, openSocket } from './jupyter-socket.ts'
import { createPerson, openStarting, signIn, startServer } from './people.ts'

describe('unmodified jupyterhub-singleuser with JupyterLab', () => {
  let platform: Platform
  let alice: HttpBrowser

  before(async () => {
    platform = await startPlatform()
    await createPerson(platform, 'alice')
    await createPerson(platform, 'bob')
    alice = await signIn(platform, 'alice')
    await startServer(platform, 'alice')
  })
  after(() => platform?.dispose())

  test('signs its owner in by the OAuth dance, without a question', async () => {
    const lab = await alice.open('/user/alice/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.equal(lab.url.pathname, '/user/alice/lab')
    assert.match(lab.text, /jupyter-config-data/)
    assert.ok(
      lab.visited.some((path) => path.startsWith('/hub/api/oauth2/authorize')),
      lab.visited.join('\n'),
    )
    assert.ok(lab.visited.some((path) => path.startsWith('/user/alice/oauth_callback?code=')))
  })

  test('keeps a file by its contents API', async () => {
    const saved = await alice.call('/user/alice/api/contents/note.txt', {
      method: 'PUT',
      body: JSON.stringify({ type: 'file', format: 'text', content: 'kept' }),
    })
    assert.equal(saved.status, 201, saved.text)
    const read = await alice.call('/user/alice/api/contents/note.txt')
    assert.equal(JSON.parse(read.text).content, 'kept')
  })

  test('runs a cell in a kernel by websocket', async () => {
    const started = await alice.call('/user/alice/api/kernels', {
      method: 'POST',
      body: '{"name":"python3"}',
    })
    assert.equal(started.status, 201, started.text)
    const { id } = JSON.parse(started.text) as { id: string }
    const socket = await openSocket(alice, platform.url, `/user/alice/api/kernels/${id}/channels`)
    assert.equal(await executeCode(socket, 'print(6 * 7)'), '42\n')
    socket.close()
  })

  test('answers in a terminal by websocket', async () => {
    const started = await alice.call('/user/alice/api/terminals', { method: 'POST', body: '{}' })
    assert.equal(started.status, 200, started.text)
    const { name } = JSON.parse(started.text) as { name: string }
    const socket = await openSocket(alice, platform.url, `/user/alice/terminals/websocket/${name}`)
    socket.send(JSON.stringify(['stdin', 'echo $((40 + 2))-yes\r']))
    await socket.find((text) => text.includes('42-yes'))
    socket.close()
  })

  test('signs its owner in to a named one in the same way', async () => {
    const path = '/hub/api/users/alice/servers/gpu'
    const started = await platform.api('POST', path)
    assert.ok(started.status === 201 || started.status === 202, JSON.stringify(started))
    await waitFor(
      'the named server',
      async () => (await platform.api<{ ready: boolean }>('GET', path)).body.ready,
      { deadlineMs: 60_000 },
    )
    const lab = await alice.open('/user/alice/gpu/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.equal(lab.url.pathname, '/user/alice/gpu/lab')
    assert.ok(lab.visited.some((visited) => visited.startsWith('/user/alice/gpu/oauth_callback?code=')))
    const status = await alice.call('/user/alice/gpu/api/status')
    assert.equal(status.status, 200, status.text)
  })

  test('is closed to another user, by page and by websocket', async () => {
    const bob = await signIn(platform, 'bob')
    const page = await bob.open('/user/alice/lab')
    assert.ok([403, 404].includes(page.status), `${page.status} at ${page.url}`)
    await assert.rejects(openSocket(bob, platform.url, '/user/alice/api/kernels/none/channels'))
  })

  test('reports its activity to the hub', async () => {
    await waitFor('activity of the server', async () => {
      const { body } = await platform.api<{ last_activity: string | null }>('GET', '/hub/api/users/alice')
      return body.last_activity
    })
  })

  test('knows at once that its owner signed out', async () => {
    const browser = await signIn(platform, 'alice')
    const before = await browser.open('/user/alice/lab')
    assert.equal(before.status, 200)
    const cookies = browser.cookieHeader('/user/alice/')
    await browser.open('/hub/logout')
    const answer = await fetch(new URL('/user/alice/api/status', platform.url), {
      headers: { cookie: cookies },
    })
    assert.notEqual(answer.status, 200)
    const lab = await browser.open('/user/alice/lab')
    assert.equal(lab.url.pathname, '/hub/login')
  })

  test('follows a link of nbgitpuller to the puller, its query as it was', async () => {
    const query =
      'repo=https%3A%2F%2Fgit.example%2Fcourse&branch=main&urlpath=lab%2Ftree%2Fcourse%2Fday%201.ipynb'
    const page = await alice.open(`/hub/user-redirect/git-pull?${query}`)
    assert.equal(page.url.pathname, '/user/alice/git-pull', page.visited.join('\n'))
    assert.deepEqual(
      [...new URLSearchParams(page.url.search)].filter(([name]) => name !== 'redirects'),
      [...new URLSearchParams(query)],
    )
    assert.equal(page.status, 200, page.text)
    assert.match(page.text, /git\.example\/course/)
  })

  test('starts by such a link when it does not run', async () => {
    await createPerson(platform, 'carol')
    const carol = await signIn(platform, 'carol')
    const link = '/user-redirect/git-pull?repo=https%3A%2F%2Fgit.example%2Fcourse'
    const opened = await openStarting(carol, link, '/user/carol/git-pull')
    assert.equal(opened.status, 200)
    assert.equal(opened.url.searchParams.get('repo'), 'https://git.example/course')
  })
})
