import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import type { JobKey } from './job.ts'
import {
  buildTestRequest,
  createTestPlatform,
  requestOne,
  type TestReplica,
  until,
  untilState,
} from './testing.ts'

const minuteMs = 60_000

async function readWarnings({ store }: TestReplica, key: JobKey): Promise<string[]> {
  const rows = await store.db
    .selectFrom('job_events')
    .select('message')
    .where('job_key', '=', key)
    .where('kind', '=', 'warning')
    .orderBy('id')
    .execute()
  return rows.map(({ message }) => message)
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext) => {
    const platform = await createTestPlatform(kind)
    t.after(platform.dispose)
    const replica = await platform.open()
    const start = async (timeLimitMs?: number) => {
      const limit = timeLimitMs === undefined ? {} : { timeLimitMs }
      const request = buildTestRequest(['wait'], { policy: { timeWarningMs: 10 * minuteMs }, spec: limit })
      const { key } = await requestOne(replica, request)
      return untilState(replica, platform.clock, key, 'running')
    }
    const untilWarned = (key: JobKey, count: number) =>
      until(
        `warning ${count}`,
        platform.clock,
        async () => {
          const warnings = await readWarnings(replica, key)
          return warnings.length === count && warnings
        },
        5000,
      )
    return { ...platform, replica, start, untilWarned }
  }

  describe(`time left, on ${kind.kind}`, () => {
    test('follows from the limit of a job; its owner is told once that little is left', async (t) => {
      const { replica, clock, start, untilWarned } = await setUp(t)
      const job = await start(60 * minuteMs)
      assert.equal(job.endsAtMs, (job.startedAtMs ?? 0) + 60 * minuteMs)
      await clock.advance(49 * minuteMs)
      assert.deepEqual(await readWarnings(replica, job.key), [])
      assert.deepEqual(await untilWarned(job.key, 1), ['Its time is over in 10 minutes.'])
      await clock.advance(9 * minuteMs)
      const ended = await untilState(replica, clock, job.key, 'failed')
      assert.deepEqual([ended.reason, ended.endsAtMs], ['time_limit', undefined])
      assert.equal((await readWarnings(replica, job.key)).length, 1)
    })

    test('of a short job the warning comes at half of it', async (t) => {
      const { replica, clock, start, untilWarned } = await setUp(t)
      const job = await start(4 * minuteMs)
      await clock.advance(minuteMs)
      assert.deepEqual(await readWarnings(replica, job.key), [])
      assert.deepEqual(await untilWarned(job.key, 1), ['Its time is over in 2 minutes.'])
    })

    test('is what the scheduler says; who is given more is told anew', async (t) => {
      const { replica, clock, world, start, untilWarned } = await setUp(t)
      let endsAtMs = clock.now() + 30 * minuteMs
      world.controls.endsAtMs = () => endsAtMs
      const { key, ...job } = await start()
      assert.equal(job.endsAtMs, endsAtMs)
      await untilWarned(key, 1)
      endsAtMs += 60 * minuteMs
      await until('the new end', clock, async () => (await replica.jobs.find(key))?.endsAtMs === endsAtMs)
      assert.equal((await replica.jobs.find(key))?.timeWarnedAtMs, undefined)
      await untilWarned(key, 2)
    })
  })
}
