import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readUntilBroken } from '#http/testing/broken-stream.ts'
import { createClient, openClient, withHubSite } from '#http/testing/hub-site.ts'
import { systemActor } from '#observe/audit.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

interface ProgressEvent {
  progress: number
  message: string
  ready?: boolean
  failed?: boolean
  url?: string
  html_message?: string
}

/** The events of a whole stream, keep-alives left out. */
function parseEvents(body: string): ProgressEvent[] {
  const lines = body.split('\n').filter((line) => line !== '')
  for (const line of lines) assert.match(line, /^data: \{/)
  return lines.map((line) => JSON.parse(line.slice('data: '.length)))
}

const path = '/hub/api/users/alice/server'

for (const kind of testStoreKinds) {
  describe(`progress on ${kind.kind}`, () => {
    test('goes from the request to the ready server, without going back', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', path, {}, { prefer: 'respond-async' })
        const answer = await alice.request('GET', `${path}/progress`)
        assert.equal(answer.statusCode, 200, answer.body)
        assert.equal(answer.headers['content-type'], 'text/event-stream')
        const events = parseEvents(answer.body)
        const last = events.pop()
        assert.deepEqual(last, {
          progress: 100,
          ready: true,
          message: 'Server ready at /user/alice/',
          html_message: 'Server ready at <a href="/user/alice/">/user/alice/</a>',
          url: '/user/alice/',
        })
        let reached = 0
        for (const { progress } of events) {
          assert.ok(progress >= reached && progress < 100, `${progress} after ${reached}`)
          reached = progress
        }
      }))

    test('a server that is ready tells so at once', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', path)
        const events = parseEvents((await alice.request('GET', `${path}/progress`)).body)
        assert.deepEqual(
          events.map(({ ready }) => ready),
          [true],
        )
      }))

    test('a server that is not starting has none', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const never = await alice.request('GET', `${path}/progress`)
        assert.deepEqual(
          [never.statusCode, JSON.parse(never.body).message],
          [400, 'alice is not starting...'],
        )
        await alice.request('POST', path)
        await alice.request('DELETE', path)
        assert.equal((await alice.request('GET', `${path}/progress`)).statusCode, 400)
        const missing = await alice.request('GET', '/hub/api/users/alice/servers/gpu/progress')
        assert.equal(missing.statusCode, 404)
      }))

    test('a start that is stopped ends as cancelled for those who follow it', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        notebooks.behaviour = 'slow'
        await alice.request('POST', path, {}, { prefer: 'respond-async' })
        const following = alice.request('GET', `${path}/progress`)
        await waitFor('the start', () => notebooks.environments.length > 0)
        await alice.request('DELETE', path)
        const last = parseEvents((await following).body).at(-1)
        assert.deepEqual(last, { progress: 100, failed: true, message: 'Spawn cancelled' })
      }))

    test('a failing start tells its cause and its last lines', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        notebooks.behaviour = 'fail'
        await alice.request('POST', path, {}, { prefer: 'respond-async' })
        const last = parseEvents((await alice.request('GET', `${path}/progress`)).body).at(-1)
        assert.equal(last?.failed, true)
        assert.match(last?.message ?? '', /^Spawn failed: ./)
        assert.match(last?.html_message ?? '', /<pre>.*No module named jupyterlab/s)
      }))

    test('who stops listening disturbs nothing', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const origin = await replica.app.listen({ host: '127.0.0.1', port: 0 })
        notebooks.behaviour = 'slow'
        await alice.request('POST', path, {}, { prefer: 'respond-async' })
        const leave = new AbortController()
        const response = await fetch(`${origin}${path}/progress`, {
          headers: { authorization: `token ${alice.token}` },
          signal: leave.signal,
        })
        const reader = response.body?.getReader()
        const first = new TextDecoder().decode((await reader?.read())?.value)
        assert.match(first, /^data: \{"progress":0,"message":"Server requested"\}\n\n/)
        leave.abort()
        assert.equal((await alice.request('DELETE', path)).statusCode, 204)
      }))

    test('breaks off when its token is revoked', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const follower = await openClient(replica, alice.user)
        const origin = await replica.app.listen({ host: '127.0.0.1', port: 0 })
        notebooks.behaviour = 'slow'
        await alice.request('POST', path, {}, { prefer: 'respond-async' })
        const response = await fetch(`${origin}${path}/progress`, {
          headers: { authorization: `token ${follower.token}` },
        })
        let seen = ''
        const broken = readUntilBroken(response, (soFar) => {
          seen = soFar
        })
        await waitFor('the first event', () => seen.includes('Server requested'))
        await replica.identity.tokens.revokeSecret(follower.token, systemActor)
        await alice.request('DELETE', path)
        assert.doesNotMatch(await broken, /cancelled/)
      }))

    test('needs the right to read the server', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        await alice.request('POST', path)
        assert.equal((await bob.request('GET', `${path}/progress`)).statusCode, 404)
        const narrow = await openClient(replica, alice.user, ['read:users:name!user'])
        assert.equal((await narrow.request('GET', `${path}/progress`)).statusCode, 403)
      }))

    if (kind.kind === 'postgres') {
      test('is the same on a replica that did not start the server and does not reconcile', () =>
        withHubSite(kind, async (site, first) => {
          const alice = await createClient(first, 'alice')
          const second = await openClient(await site.open(), alice.user)
          await alice.request('POST', path, {}, { prefer: 'respond-async' })
          const events = parseEvents((await second.request('GET', `${path}/progress`)).body)
          assert.equal(events.at(-1)?.ready, true)
          assert.equal(JSON.parse((await second.request('GET', path)).body).ready, true)
          assert.equal((await second.request('DELETE', path)).statusCode, 204)
          assert.equal(JSON.parse((await alice.request('GET', path)).body).stopped, true)
        }))
    }
  })
}
