import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { EdgeWays, RouteSource } from '#edge/route-source.ts'
import { createClient, type HubReplica, withHubSite } from '#http/testing/hub-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

const start = '/hub/api/users/alice/server'
const none: EdgeWays = { routes: [], tunnels: [] }

/** A feature that wants what a test says. */
function createTestSource() {
  const listeners = new Set<() => void>()
  let ways = none
  let lists = 0
  const source: RouteSource = {
    async list() {
      lists += 1
      return ways
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    source,
    get lists() {
      return lists
    },
    want(wanted: EdgeWays) {
      ways = wanted
      for (const listener of listeners) listener()
    },
  }
}

function buildWays(name: string, port = 9): EdgeWays {
  const access = { kind: 'cluster', user: 'alice', cluster: name } as const
  return {
    routes: [{ prefix: `/gateway/clusters/${name}/`, target: `http://127.0.0.1:${port}`, access, data: {} }],
    tunnels: [{ serverName: `daskgateway-${name}`, target: `tcp://127.0.0.1:${port}`, data: {} }],
  }
}

function merge(...all: readonly EdgeWays[]): EdgeWays {
  return { routes: all.flatMap(({ routes }) => routes), tunnels: all.flatMap(({ tunnels }) => tunnels) }
}

async function startServer(replica: HubReplica) {
  const alice = await createClient(replica, 'alice')
  await alice.request('POST', start)
  const [job] = await replica.jobs.list({ kind: 'server' })
  assert.ok(job)
  return { alice, job }
}

for (const kind of testStoreKinds) {
  describe(`ways of features on ${kind.kind}`, () => {
    test('are told to the edge as they change, and no others', async () => {
      const feature = createTestSource()
      await withHubSite(
        kind,
        async ({ edge }, replica) => {
          await waitFor('the first telling', () => feature.lists > 0)
          feature.want(merge(buildWays('a'), buildWays('b')))
          await waitFor('the tunnels', () => edge.tunnels.size === 2)
          assert.equal(edge.routes.get('/gateway/clusters/a/')?.access.kind, 'cluster')
          const before = edge.changes.length
          feature.want(merge(buildWays('a', 10), buildWays('b')))
          await waitFor(
            'the change',
            () => edge.tunnels.get('daskgateway-a')?.target === 'tcp://127.0.0.1:10',
          )
          feature.want(buildWays('a', 10))
          await waitFor('the removal', () => !edge.tunnels.has('daskgateway-b'))
          assert.deepEqual(
            edge.changes.slice(before).map(({ type }) => type),
            ['route-put', 'tunnel-put', 'route-delete', 'tunnel-delete'],
          )
          assert.ok((await replica.hub.publisher.listRoutes()).has('/gateway/clusters/a/'))
          edge.reset()
          await waitFor('all of it again', () => edge.tunnels.has('daskgateway-a'))
          assert.ok(edge.routes.has('/gateway/clusters/a/'))
        },
        { routeSources: [feature.source] },
      )
    })

    test('may be live before their job is ready, and go when it ends without', async () => {
      const feature = createTestSource()
      await withHubSite(
        kind,
        async ({ edge }, replica) => {
          const { alice, job } = await startServer(replica)
          const { publisher } = replica.hub
          await publisher.ensureRoutesLive(buildWays('early'), job.key)
          assert.ok(edge.tunnels.has('daskgateway-early') && edge.routes.has('/gateway/clusters/early/'))
          feature.want(buildWays('other'))
          await waitFor('the others', () => edge.tunnels.has('daskgateway-other'))
          await publisher.resync()
          assert.ok(edge.tunnels.has('daskgateway-early'), 'the source does not list them yet')
          await alice.request('DELETE', start)
          await waitFor('their end', () => !edge.tunnels.has('daskgateway-early'))
          assert.ok(!edge.routes.has('/gateway/clusters/early/') && edge.tunnels.has('daskgateway-other'))
        },
        { routeSources: [feature.source] },
      )
    })

    test('that were live early are their source’s as soon as it lists them', async () => {
      const feature = createTestSource()
      await withHubSite(
        kind,
        async ({ edge }, replica) => {
          const { job } = await startServer(replica)
          await replica.hub.publisher.ensureRoutesLive(buildWays('early'), job.key)
          feature.want(merge(buildWays('early'), buildWays('other')))
          await waitFor('the list', () => edge.tunnels.has('daskgateway-other'))
          assert.equal(
            edge.changes.filter(({ type }) => type === 'tunnel-put').length,
            2,
            'nothing is told twice',
          )
          feature.want(none)
          await waitFor('their end', () => edge.tunnels.size === 0)
          assert.ok(!edge.routes.has('/gateway/clusters/early/'))
        },
        { routeSources: [feature.source] },
      )
    })

    if (kind.kind === 'postgres') {
      test('that another replica made live go, too, when their job ends before it is ready', () =>
        withHubSite(kind, async (site, first) => {
          const { edge, notebooks } = site
          const alice = await createClient(first, 'alice')
          await waitFor('the leader', () => edge.credentials.size > 0)
          const second = await site.open()
          notebooks.behaviour = 'slow'
          await alice.request('POST', start, {}, { prefer: 'respond-async' })
          const [job] = await second.jobs.list({ kind: 'server' })
          assert.ok(job)
          await second.hub.publisher.ensureRoutesLive(buildWays('lent'), job.key)
          await second.hub.publisher.ensureRoutesLive(buildWays('lent'), job.key)
          assert.ok(edge.tunnels.has('daskgateway-lent'))
          await alice.request('DELETE', start)
          await waitFor('their end', () => !edge.tunnels.has('daskgateway-lent'))
          assert.ok(!edge.routes.has('/gateway/clusters/lent/'))
        }))
    }

    test('are not live while the edge cannot be told', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const { job } = await startServer(replica)
        const { apply, replace } = edge
        edge.apply = edge.replace = () => Promise.reject(new Error('unreachable'))
        await assert.rejects(replica.hub.publisher.ensureRoutesLive(buildWays('a'), job.key))
        Object.assign(edge, { apply, replace })
        await replica.hub.publisher.ensureRoutesLive(buildWays('a'), job.key)
        assert.ok(edge.tunnels.has('daskgateway-a'))
      }))
  })
}
