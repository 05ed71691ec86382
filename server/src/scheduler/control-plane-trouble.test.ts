import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { PlatformError } from '@atrium/contract/errors.ts'
import { pino } from 'pino'
import type { Store } from '#store/store.ts'
import { testStoreKinds } from '#store/testing.ts'
import { buildAttemptKey } from './job-key.ts'
import type { Job } from './job-record.ts'
import { buildTestRequest, createTestPlatform, requestOne, stopOne, until, untilState } from './testing.ts'

const wait: [string] = ['wait']
const day = 24 * 3_600_000

/** Makes transactions fail while `code` is set; every other one after its commit, as when only the answer is lost. */
function createTrouble() {
  const trouble: { code?: 'store_unavailable' | 'storage_full' } = {}
  let failures = 0
  return {
    trouble,
    wrapStore: (store: Store): Store => ({
      ...store,
      async transaction(work) {
        const { code } = trouble
        if (code === undefined) return store.transaction(work)
        if (++failures % 2 === 0) await store.transaction(work)
        throw new PlatformError(code)
      },
    }),
  }
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext) => {
    const platform = await createTestPlatform(kind)
    t.after(platform.dispose)
    return platform
  }

  describe(`a control plane in trouble, on ${kind.kind}`, () => {
    for (const code of ['store_unavailable', 'storage_full'] as const) {
      test(`${code}: nothing is lost, nothing starts twice, and all is done afterwards`, async (t) => {
        const { open, clock, world } = await setUp(t)
        const { trouble, wrapStore } = createTrouble()
        const errors: string[] = []
        const log = pino({ level: 'error' }, { write: (line) => errors.push(line) })
        // Nothing but the next try brings it in order.
        const replica = await open({ wrapStore, log, settings: { steadyTickMs: day } })
        const { key: stopped } = await requestOne(replica, buildTestRequest(wait))
        await untilState(replica, clock, stopped, 'running')
        const { key: started } = await requestOne(replica, buildTestRequest(wait))
        await stopOne(replica, stopped)
        trouble.code = code
        await until('a word in the log', clock, () =>
          errors.some((line) => line.includes('the database failed')),
        )
        await clock.advance(60_000)
        delete trouble.code
        await untilState(replica, clock, stopped, 'cancelled')
        await untilState(replica, clock, started, 'running')
        for (const key of [stopped, started]) assert.equal(world.countStarts(buildAttemptKey(key, 1)), 1)
        assert.equal((await replica.jobs.quotas.usage({ kind: 'platform' })).jobs, 1)
      })
    }

    test('a wall clock that jumps a day ends nothing, delays nothing and loses no lease', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open({ isReady: async (job) => job.subject !== 'server:slow' })
      const limits = { policy: { ready: { port: 'http', path: '/' }, readyTimeoutMs: 3_600_000 } }
      const spec = { ports: ['http'], timeLimitMs: 2 * 3_600_000 }
      const { key: running } = await requestOne(replica, buildTestRequest(wait, { ...limits, spec }))
      const slowRequest = buildTestRequest(wait, { ...limits, spec, subject: 'server:slow' })
      const { key: slow } = await requestOne(replica, slowRequest)
      await untilState(replica, clock, running, 'running')
      await untilState(replica, clock, slow, 'starting')
      for (const jumpMs of [day, -2 * day, day]) {
        clock.jump(jumpMs)
        await clock.advance(15_000)
        assert.equal((await replica.jobs.find(running))?.state, 'running')
        assert.equal((await replica.jobs.find(slow))?.state, 'starting')
        const startedMs = clock.monotonic()
        const request = buildTestRequest(['fail', '1'], {
          policy: { startRetries: 1, ready: limits.policy.ready },
        })
        const { key } = await requestOne(replica, request)
        clock.jump(-jumpMs)
        await untilState(replica, clock, key, 'failed')
        clock.jump(jumpMs)
        assert.ok(clock.monotonic() - startedMs < 60_000)
      }
      assert.equal(world.countStarts(buildAttemptKey(running, 1)), 1)
    })

    test('a wall clock set forward a day before a restart ends neither what runs nor what starts', async (t) => {
      const { open, clock } = await setUp(t)
      const options = { isReady: async (job: Job) => job.subject !== 'server:slow' }
      const first = await open(options)
      const policy = { ready: { port: 'http', path: '/' }, readyTimeoutMs: 3_600_000 }
      const spec = { ports: ['http'], timeLimitMs: 2 * 3_600_000 }
      const { key: running } = await requestOne(first, buildTestRequest(wait, { policy, spec }))
      const slowRequest = buildTestRequest(wait, { policy, spec, subject: 'server:slow' })
      const { key: slow } = await requestOne(first, slowRequest)
      await untilState(first, clock, running, 'running')
      await untilState(first, clock, slow, 'starting')
      first.kill()
      clock.jump(day)
      const second = await open(options)
      const { key: another } = await requestOne(second, buildTestRequest(wait))
      await untilState(second, clock, another, 'running')
      await clock.advance(60_000)
      assert.equal((await second.jobs.find(running))?.state, 'running')
      assert.equal((await second.jobs.find(slow))?.state, 'starting')
      await clock.advance(2 * 3_600_000)
      assert.equal((await untilState(second, clock, slow, 'failed')).reason, 'not_ready_in_time')
      assert.equal((await untilState(second, clock, running, 'failed')).reason, 'time_limit')
    })

    test('a retry planned before the wall clock was set back a day comes soon after a restart', async (t) => {
      const { open, clock } = await setUp(t)
      const first = await open({ random: () => 1 })
      const policy = { startRetries: 8, ready: { port: 'http', path: '/' } }
      const { key } = await requestOne(first, buildTestRequest(['fail', '1'], { policy }))
      const retry = await until('a retry', clock, async () => {
        const job = await first.jobs.find(key)
        return job?.retryAtMs === undefined ? undefined : job
      })
      first.kill()
      clock.jump(-day)
      const second = await open()
      await until(
        'the next attempt',
        clock,
        async () => ((await second.jobs.find(key))?.attempts ?? 0) > retry.attempts,
      )
      assert.ok(clock.monotonic() < day / 2)
    })

    test('the restart of a control plane with 200 running jobs starts, ends and changes none', async (t) => {
      const { open, clock, world } = await setUp(t)
      const first = await open()
      await first.store.transaction(async (tx) => {
        for (let index = 0; index < 200; index++) await first.jobs.request(tx, buildTestRequest(wait))
      })
      await until('all to run', clock, async () => {
        return (await first.jobs.list({ states: ['running'] })).length === 200
      })
      const before = await first.jobs.list({})
      first.kill()
      const second = await open()
      const { key } = await requestOne(second, buildTestRequest(wait))
      await untilState(second, clock, key, 'running')
      await clock.advance(60_000)
      assert.deepEqual((await second.jobs.list({})).slice(1), before)
      assert.equal(world.listRuns().filter((run) => run.state === 'running').length, 201)
      for (const job of before) assert.equal(world.countStarts(buildAttemptKey(job.key, 1)), 1)
    })
  })
}
