import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readUntilBroken } from '#http/testing/broken-stream.ts'
import { createClient, openClient, withHubSite } from '#http/testing/hub-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import { testStoreKinds } from '#store/testing.ts'

const start = '/hub/api/users/alice/server'

for (const kind of testStoreKinds) {
  describe(`Atrium’s own API of servers on ${kind.kind}`, () => {
    test('tells everything of a user’s servers, the default one first', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const list = async () => JSON.parse((await alice.request('GET', '/api/v1/servers/alice')).body)
        assert.deepEqual(await list(), [
          {
            user: 'alice',
            name: '',
            state: 'stopped',
            url: '/user/alice/',
            progressUrl: '/hub/api/users/alice/server/progress',
          },
        ])
        await alice.request('POST', start)
        notebooks.behaviour = 'fail'
        await alice.request('POST', '/hub/api/users/alice/servers/gpu', { display_name: 'My GPU' })
        const [standard, gpu] = await list()
        assert.deepEqual([standard.state, standard.profile, standard.limits], ['running', 'default', {}])
        assert.ok(standard.readyAtMs >= standard.requestedAtMs)
        assert.deepEqual([gpu.name, gpu.displayName, gpu.state, gpu.exitCode], ['gpu', 'My GPU', 'failed', 1])
        assert.match(gpu.logTail, /No module named jupyterlab/)
        const one = await alice.request('GET', '/api/v1/servers/alice/-')
        assert.equal(JSON.parse(one.body).jobKey, standard.jobKey)
        assert.equal((await alice.request('GET', '/api/v1/servers/alice/none')).statusCode, 404)
      }))

    test('tells when the time of a server is over, and that it was preempted and came back', () =>
      withHubSite(
        kind,
        async ({ world }, replica) => {
          const alice = await createClient(replica, 'alice')
          const show = async () => JSON.parse((await alice.request('GET', '/api/v1/servers/alice/-')).body)
          await alice.request('POST', start)
          const first = await show()
          assert.equal(first.endsSoon, undefined)
          assert.ok(first.endsAtMs > first.readyAtMs + 3_000_000)
          world.preempt(buildAttemptKey(first.jobKey, 1))
          const again = await waitFor('the second start', async () => {
            const server = await show()
            return server.restarts !== undefined && server.state === 'running' && server
          })
          assert.deepEqual([again.restarts.count, again.restarts.reason], [1, 'preempted'])
          assert.equal(again.jobKey, first.jobKey)
        },
        {
          profiles: {
            profiles: [{ name: 'spot', preemptible: true, timeLimitMs: 3_600_000 }],
            idle: { stop: false, afterMs: 1, warningMs: 1, cpuCores: 1 },
          },
        },
      ))

    test('gives the place in line of a server that waits', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          await alice.request('POST', '/hub/api/users/alice/servers/two')
          const two = JSON.parse((await alice.request('GET', '/api/v1/servers/alice/two')).body)
          assert.deepEqual([two.state, two.place], ['queued', 1])
          assert.match(two.reason, /^quota/)
        },
        { limits: { defaultUser: { servers: 1 } } },
      ))

    test('streams the log from any byte, as text', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const log = '/api/v1/servers/alice/-/log'
        assert.equal((await alice.request('GET', log)).statusCode, 404)
        await alice.request('POST', start)
        const following = alice.request('GET', `${log}?follow=true&offset=9`)
        await waitFor(
          'the output',
          async () => (await alice.request('GET', log)).body === 'starting\nlistening\n',
        )
        await alice.request('DELETE', start)
        const { body, headers } = await following
        assert.equal(body, 'listening\n')
        assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
      }))

    test('streams the log as events that can be resumed', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', start)
        await alice.request('DELETE', start)
        const read = async (lastEventId?: string) => {
          const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
          const { body } = await alice.request('GET', '/api/v1/servers/alice/-/log', undefined, {
            accept: 'text/event-stream',
            ...resume,
          })
          return body
        }
        assert.match(await read(), /^(id: \d+\ndata: \{"text":".*"\}\n\n)+$/)
        assert.equal(await read('9'), 'id: 19\ndata: {"text":"listening\\n"}\n\n')
      }))

    test('shows logs to who may open the server, not to who may only read of it', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        await alice.request('POST', start)
        const reader = await openClient(replica, alice.user, ['read:servers!user'])
        assert.equal((await reader.request('GET', '/api/v1/servers/alice/-')).statusCode, 200)
        assert.equal((await reader.request('GET', '/api/v1/servers/alice/-/log')).statusCode, 403)
        assert.equal((await bob.request('GET', '/api/v1/servers/alice/-/log')).statusCode, 404)
      }))

    test('shows no more of a log to whom the server is not shared any more', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        const origin = await replica.app.listen({ host: '127.0.0.1', port: 0 })
        await alice.request('POST', start)
        const admin = await createClient(replica, 'root-admin', { admin: true })
        const share = '/hub/api/shares/alice/'
        assert.equal((await admin.request('POST', share, { user: 'bob' })).statusCode, 200)
        const response = await fetch(`${origin}/api/v1/servers/alice/-/log?follow=true`, {
          headers: { authorization: `token ${bob.token}` },
        })
        assert.equal((await admin.request('DELETE', share)).statusCode, 204)
        notebooks.print.get('/user/alice/')?.('secret\n')
        await alice.request('DELETE', start)
        assert.doesNotMatch(await readUntilBroken(response), /secret/)
      }))

    test('keeps a running server, and no other', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const keep = '/api/v1/servers/alice/-/keep-running'
        assert.equal((await alice.request('POST', keep, {})).statusCode, 404)
        await alice.request('POST', start)
        const kept = await alice.request('POST', keep, { forMs: 120_000 })
        assert.equal(kept.statusCode, 200, kept.body)
        const record = await replica.hub.findServer('alice', '')
        assert.ok((record?.keepUntilMs ?? 0) > Date.now() + 60_000)
        assert.equal((await alice.request('POST', keep, { forMs: 30 * 86_400_000 })).statusCode, 400)
        await alice.request('DELETE', start)
        assert.equal((await alice.request('POST', keep, {})).statusCode, 409)
      }))

    test('offers the profiles that are for the user', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          const admin = await createClient(replica, 'root-admin', { admin: true })
          const names = ({ body }: { body: string }) =>
            JSON.parse(body).map(({ name }: { name: string }) => name)
          assert.deepEqual(names(await alice.request('GET', '/api/v1/profiles')), ['small'])
          assert.deepEqual(names(await admin.request('GET', '/api/v1/profiles')), ['small', 'staff'])
          assert.deepEqual(names(await admin.request('GET', '/api/v1/profiles?user=alice')), ['small'])
          assert.equal((await alice.request('GET', '/api/v1/profiles?user=root-admin')).statusCode, 404)
          const [small] = JSON.parse((await alice.request('GET', '/api/v1/profiles')).body)
          assert.deepEqual(small, {
            name: 'small',
            title: 'Small',
            description: '',
            cpu: 2,
            idleTimeoutMs: 60_000,
            isDefault: true,
          })
        },
        {
          profiles: {
            idle: { stop: true, afterMs: 60_000, warningMs: 1000, cpuCores: 1 },
            profiles: [
              { name: 'staff', audience: { roles: ['admin'] } },
              { name: 'small', title: 'Small', cpu: 2, isDefault: true },
            ],
          },
        },
      ))
  })
}
