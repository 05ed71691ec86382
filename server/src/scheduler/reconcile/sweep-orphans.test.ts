import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryScheduler } from '#scheduler/drivers/memory/memory-scheduler.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import { buildTestRequest, createTestPlatform, requestOne, until, untilState } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'

const [kind] = testStoreKinds

test('a job whose submission was not recorded yet is not taken for an orphan', async (t) => {
  assert.ok(kind)
  const platform = await createTestPlatform(kind)
  t.after(platform.dispose)
  const { world, clock } = platform
  const replica = await platform.open({ settings: { sweepMs: 100 } })
  const request = buildTestRequest(['wait'], {
    policy: { startRetries: 1, ready: { port: 'http', path: '/' } },
  })
  world.controls.refuse = (spec) => {
    // The first start ends at once; the second is submitted by somebody, while ours still waits for its time.
    if (spec.key.endsWith('-1')) queueMicrotask(() => world.end(spec.key, failure))
    return undefined
  }
  const failure = { state: 'failed', reason: 'exit_status', message: 'Ouch.' } as const
  const { key } = await requestOne(replica, request)
  const job = await until(
    'the retry to be planned',
    clock,
    async () => {
      const found = await replica.jobs.find(key)
      return found?.attempts === 2 ? found : undefined
    },
    1,
  )
  const scheduler = createMemoryScheduler(world)
  const spec = { ...job.spec, key: buildAttemptKey(key, 2) }
  await scheduler.submit([spec], { signal: t.signal })
  await clock.advance(200)
  await untilState(replica, clock, key, 'starting', 'running')
  assert.equal(world.findRuns(spec.key)[0]?.state, 'running')
  assert.equal(world.countStarts(spec.key), 1)
})
