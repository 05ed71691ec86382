import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createClient, withHubSite } from '#http/testing/hub-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

const path = '/hub/api/users/alice/activity'
const server = '/hub/api/users/alice/server'

for (const kind of testStoreKinds) {
  describe(`activity on ${kind.kind}`, () => {
    test('moves the user’s and the servers’ times forward, never back', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', server)
        const soon = new Date(Date.now() + 60_000).toISOString()
        const long = '2001-01-01T00:00:00Z'
        const lastActivity = async () => JSON.parse((await alice.request('GET', server)).body).last_activity
        const report = { servers: { '': { last_activity: soon } } }
        assert.equal((await alice.request('POST', path, report)).statusCode, 200)
        assert.equal(await lastActivity(), soon)
        await alice.request('POST', path, { last_activity: long, servers: { '': { last_activity: long } } })
        assert.equal(await lastActivity(), soon)
      }))

    test('of the user is known on every replica', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const at = new Date(Date.now() - 1000).toISOString()
        await alice.request('POST', path, { last_activity: at })
        await waitFor('it to be stored', async () => {
          const { last_activity } = await replica.store.db
            .selectFrom('users')
            .select('last_activity')
            .executeTakeFirstOrThrow()
          return (last_activity ?? 0) >= Date.parse(at)
        })
      }))

    test('without a zone is UTC', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', server)
        const soon = new Date(Date.now() + 60_000).toISOString()
        await alice.request('POST', path, { servers: { '': { last_activity: soon.replace('Z', '000') } } })
        assert.equal(JSON.parse((await alice.request('GET', server)).body).last_activity, soon)
      }))

    test('that is no such thing is refused in JupyterHub’s words', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const post = async (body: unknown) => {
          const { statusCode, body: text } = await alice.request('POST', path, body)
          return [statusCode, JSON.parse(text).message]
        }
        const shape = 'servers must be a dict of the form {server_name: {last_activity: timestamp}}'
        const far = new Date(Date.now() + 3_600_000).toISOString()
        const now = new Date().toISOString()
        assert.deepEqual(await post([1]), [400, 'body must be a json dict'])
        assert.deepEqual(await post({}), [
          400,
          'body must contain at least one of `last_activity` or `servers`',
        ])
        assert.deepEqual(await post({ servers: [1] }), [400, shape])
        assert.deepEqual(await post({ servers: { '': now } }), [400, shape])
        assert.deepEqual(await post({ servers: { '': {} } }), [400, shape])
        assert.deepEqual(await post({ last_activity: 'yesterday' }), [
          400,
          'Not a valid timestamp: "yesterday"',
        ])
        assert.deepEqual(await post({ last_activity: far }), [
          400,
          `Rejecting activity from more than an hour in the future: ${far}`,
        ])
        assert.deepEqual(await post({ servers: { gpu: { last_activity: now } } }), [
          400,
          "No such server 'gpu' for user alice",
        ])
      }))

    test('that the edge saw counts for the server and its owner', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', server)
        await waitFor('a leader that hears the edge', () => edge.controlPlanes !== undefined)
        const lastActivityMs = Date.now() + 5000
        const route = { prefix: '/user/alice/', lastActivityMs, openWebsockets: 1 }
        await waitFor('the time to be written', async () => {
          edge.report({ routes: [route], credentials: [] })
          return (
            JSON.parse((await alice.request('GET', server)).body).last_activity ===
            new Date(lastActivityMs).toISOString()
          )
        })
      }))
  })
}
