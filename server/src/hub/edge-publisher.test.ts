import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createClient, type HubClient, type HubReplica, withHubSite } from '#http/testing/hub-site.ts'
import { systemActor } from '#observe/audit.ts'
import { hashSecret } from '#platform/secret.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

const start = '/hub/api/users/alice/server'
const shares = '/hub/api/shares/alice/'

function register({ store }: HubReplica, id: string, { seenAtMs = Date.now() } = {}): Promise<void> {
  const times = { started_at: seenAtMs, seen_at: seenAtMs }
  return store.transaction(async (tx) => {
    await tx.db
      .insertInto('replicas')
      .values({ id, address: `unix:/run/${id}.sock`, version: '0', ...times })
      .execute()
    tx.changed('replica', id)
  })
}

for (const kind of testStoreKinds) {
  describe(`the edge kept in step on ${kind.kind}`, () => {
    test('knows who may open what, and forgets a revoked token at once', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const alice = await createClient(replica, 'alice')
        const hash = hashSecret(alice.token)
        const credential = await waitFor('the token', () => edge.credentials.get(hash))
        assert.deepEqual(credential.servers, ['alice'])
        await replica.identity.tokens.revokeSecret(alice.token, systemActor)
        await waitFor('the token to go', () => !edge.credentials.has(hash))
      }))

    test('an answer to who may open what is out when it holds', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        await admin.request('POST', start)
        const servers = () => edge.credentials.get(hashSecret(bob.token))?.servers
        await waitFor('the token', servers)
        for (let round = 0; round < 5; round += 1) {
          await admin.request('POST', shares, { user: 'bob' })
          assert.deepEqual(servers(), ['alice/', 'bob'])
          await admin.request('DELETE', shares)
          assert.deepEqual(servers(), ['bob'])
        }
      }))

    test('an answer is not kept for long by an edge that cannot be told', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        await createClient(replica, 'alice')
        await createClient(replica, 'bob')
        await admin.request('POST', start)
        const silence = Promise.withResolvers<void>()
        edge.apply = () => silence.promise
        const { statusCode } = await admin.request('POST', shares, { user: 'bob' })
        silence.resolve()
        assert.equal(statusCode, 200)
      }))

    test('knows a share before the one who got it can ask', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        const servers = () => edge.credentials.get(hashSecret(bob.token))?.servers
        await waitFor('the token', servers)
        await admin.request('POST', start)
        await admin.request('POST', '/hub/api/shares/alice/', { user: 'bob' })
        await waitFor('the share', () => servers()?.includes('alice/'))
        await admin.request('DELETE', '/hub/api/shares/alice/')
        await waitFor('its end', () => !servers()?.includes('alice/'))
      }))

    test('gets everything again after it was restarted', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', start)
        await waitFor('the token', () => edge.credentials.has(hashSecret(alice.token)))
        edge.reset()
        await waitFor('the route', () => edge.routes.has('/user/alice/'))
        await waitFor('the token', () => edge.credentials.has(hashSecret(alice.token)))
      }))

    test('is told what it missed while it could not be reached', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', start)
        await waitFor('the token', () => edge.credentials.size > 0)
        const { apply } = edge
        edge.apply = () => Promise.reject(new Error('unreachable'))
        const stopping = alice.request('DELETE', start)
        await stopping
        edge.apply = apply
        await waitFor('the route to go', () => !edge.routes.has('/user/alice/'))
      }))

    test('a server is not ready while its route cannot be made', () =>
      withHubSite(kind, async ({ edge, notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const { apply, replace } = edge
        edge.apply = () => Promise.reject(new Error('unreachable'))
        edge.replace = () => Promise.reject(new Error('unreachable'))
        await alice.request('POST', start, {}, { prefer: 'respond-async' })
        const isReady = async () => JSON.parse((await alice.request('GET', start)).body).ready
        await waitFor('the server to run', () => notebooks.environments.length > 0)
        await waitFor(
          'a try to make the route',
          async () => (await replica.jobs.list({ kind: 'server' }))[0]?.endpoint,
        )
        assert.equal(await isReady(), false)
        Object.assign(edge, { apply, replace })
        await waitFor('the server to be ready', isReady)
        assert.ok(edge.routes.has('/user/alice/'))
      }))

    test('routes stay while the scheduler cannot be asked', () =>
      withHubSite(kind, async ({ edge, world }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', start)
        world.controls.unreachable = true
        await waitFor('the scheduler to be missed', async () => {
          const [job] = await replica.jobs.list({ kind: 'server' })
          return job?.state === 'unknown'
        })
        assert.ok(edge.routes.has('/user/alice/'))
        const model = JSON.parse((await alice.request('GET', start)).body)
        assert.deepEqual([model.ready, model.pending], [true, null])
      }))

    test('knows the control planes that are alive', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        await register(replica, 'old', { seenAtMs: 1000 })
        await register(replica, 'new')
        await waitFor('the address', () => edge.controlPlanes.length > 0)
        assert.deepEqual(edge.controlPlanes, ['unix:/run/new.sock'])
      }))

    test('services have routes', () =>
      withHubSite(
        kind,
        async ({ edge }) => {
          const route = await waitFor('the route', () => edge.routes.get('/services/stats/'))
          assert.deepEqual(
            [route.target, route.access],
            ['http://127.0.0.1:9999', { kind: 'service', service: 'stats' }],
          )
        },
        {
          services: [
            {
              name: 'stats',
              url: 'http://127.0.0.1:9999',
              environment: {},
              admin: false,
              display: true,
              info: {},
              oauthClientAllowedScopes: [],
            },
          ],
        },
      ))

    if (kind.kind === 'postgres') {
      test('another replica takes over when the leader goes', () =>
        withHubSite(kind, async (site, first) => {
          const alice = await createClient(first, 'alice')
          await alice.request('POST', start)
          const second = await site.open()
          await first.close()
          site.edge.reset()
          await waitFor('the route', () => site.edge.routes.has('/user/alice/'))
          const other: HubClient = await createClient(second, 'bob')
          await waitFor('its token', () => site.edge.credentials.has(hashSecret(other.token)))
        }))
    }
  })
}
