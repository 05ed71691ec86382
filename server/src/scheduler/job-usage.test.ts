import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import { createMemoryScheduler } from './drivers/memory/memory-scheduler.ts'
import type { Observation } from './job.ts'
import type { Scheduler } from './scheduler.ts'
import { buildTestRequest, createTestPlatform, requestOne, until, untilState } from './testing.ts'

for (const kind of testStoreKinds) {
  describe(`what a job uses, on ${kind.kind}`, () => {
    test('a program of a job that was ended for want of memory is recorded and told of, once', async (t) => {
      const { open, clock, world, dispose } = await createTestPlatform(kind)
      t.after(dispose)
      const scheduler = createMemoryScheduler(world)
      let oomKills = 0
      const observe: Scheduler['observe'] = async (handles, options) => {
        const seen = await scheduler.observe(handles, options)
        const withKills = (one: Observation) =>
          one.state === 'running' && oomKills > 0 ? { ...one, oomKills } : one
        return new Map([...seen].map(([key, one]) => [key, withKills(one)]))
      }
      const replica = await open({ schedulers: { memory: { ...scheduler, observe } } })
      const { key } = await requestOne(replica, buildTestRequest(['wait']))
      await untilState(replica, clock, key, 'running')
      oomKills = 1
      await until('the record', clock, async () => (await replica.jobs.find(key))?.usage?.oomKills === 1)
      await clock.advance(60_000)
      const warnings = await replica.store.db
        .selectFrom('job_events')
        .select('message')
        .where('kind', '=', 'warning')
        .execute()
      assert.deepEqual(
        warnings.map(({ message }) => message),
        ['A program of it was ended because it used more memory than it may.'],
      )
    })
  })
}
