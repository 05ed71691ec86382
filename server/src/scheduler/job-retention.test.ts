import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import { createPlacementStore } from './placement-store.ts'
import { buildTestRequest, createTestPlatform, requestOne, until, untilState } from './testing.ts'

const minute = 60_000
const settings = { keepOutputMs: minute, keepRecordsMs: 3 * minute, retentionMs: minute / 4 }

for (const kind of testStoreKinds) {
  describe(`old jobs on ${kind.kind}`, () => {
    test('the scheduler forgets them with every start they had, later their records go, running ones stay', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const { clock, world } = platform
      const replica = await platform.open({ settings })
      const policy = { startRetries: 1, ready: { port: 'http', path: '/' } }
      const { key: failed } = await requestOne(replica, buildTestRequest(['fail', '1'], { policy }))
      const { key: running } = await requestOne(replica, buildTestRequest(['wait']))
      await untilState(replica, clock, failed, 'failed')
      await untilState(replica, clock, running, 'running')
      assert.equal(world.listRuns().length, 3)
      const placements = createPlacementStore(replica.store)
      const placed = [`${failed}-1`, `${failed}-2`, `${running}-1`]
      await placements.record(new Map(placed.map((key) => [key, { uid: 1000 }])))
      await until('the scheduler to forget', clock, () => world.listRuns().length === 1, minute / 4)
      const job = await replica.jobs.find(failed)
      assert.equal(job?.state, 'failed')
      assert.equal(job?.logTail, 'about to fail')
      assert.deepEqual(await Array.fromAsync(replica.jobs.logs(failed, { signal: t.signal })), [])
      await until('the record to go', clock, async () => !(await replica.jobs.find(failed)), minute / 4)
      const events = await replica.store.db.selectFrom('job_events').select('job_key').execute()
      assert.deepEqual([...new Set(events.map((event) => event.job_key))], [running])
      assert.deepEqual([...(await placements.read(placed)).keys()], [`${running}-1`])
      assert.equal((await replica.jobs.find(running))?.state, 'running')
    })
  })
}
