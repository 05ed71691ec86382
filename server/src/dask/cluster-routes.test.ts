import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { until } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'

import { buildDashboardProof, createClusterRoutes } from './cluster-routes.ts'
import { createDaskSite } from './testing.ts'

const actor = { name: 'user:alice' }

for (const kind of testStoreKinds) {
  describe(`ways to Dask clusters on ${kind.kind}`, () => {
    test('a cluster that runs has a tunnel and its dashboard, for its owner, and none before and after', async (t) => {
      const site = await createDaskSite(kind)
      t.after(site.platform.dispose)
      const replica = await site.open()
      const source = createClusterRoutes(replica)
      let calls = 0
      t.after(source.onChange(() => calls++))
      const alice = await site.createUser(replica, 'alice')
      const name = await site.create(replica, alice)
      assert.deepEqual(await source.list(), { routes: [], tunnels: [] })
      const { schedulerJob } = await site.untilState(replica, name, 'running')
      const { ports = {} } = (await replica.jobs.find(schedulerJob))?.endpoint ?? {}
      const { token_hash } = await replica.store.db
        .selectFrom('dask_clusters')
        .select('token_hash')
        .executeTakeFirstOrThrow()
      const data = { user: 'alice', cluster: name }
      assert.deepEqual(await source.list(), {
        routes: [
          {
            prefix: `/gateway/clusters/${name}/`,
            target: `http://127.0.0.1:${ports['dashboard']}`,
            access: { kind: 'cluster', ...data },
            proof: buildDashboardProof(token_hash),
            data,
          },
        ],
        tunnels: [
          { serverName: `daskgateway-${name}`, target: `tcp://127.0.0.1:${ports['scheduler']}`, data },
        ],
      })
      assert.ok(calls > 0)
      const before = calls
      await replica.store.transaction(async (tx) => {
        await tx.db.updateTable('users').set({ name: 'alicia' }).where('id', '=', alice.id).execute()
        tx.changed('user', 'alicia')
      })
      await until('a call', site.clock, () => calls > before)
      assert.deepEqual((await source.list()).routes[0]?.access, {
        kind: 'cluster',
        user: 'alicia',
        cluster: name,
      })
      await replica.dask.stop(name, { actor, reason: 'requested' })
      assert.deepEqual(await source.list(), { routes: [], tunnels: [] })
    })
  })
}
