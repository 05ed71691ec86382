import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import { buildAttemptKey } from './job-key.ts'
import { type CrashPoint, crashPoints } from './reconcile/crash-points.ts'
import {
  buildTestRequest,
  createTestPlatform,
  requestOne,
  stopOne,
  type TestPlatform,
  type TestReplica,
  until,
  untilState,
} from './testing.ts'

const request = buildTestRequest(['wait'], {
  key: 'server-x',
  userId: null,
  policy: { ready: { port: 'http', path: '/' }, startRetries: 1 },
  spec: { ports: ['http'] },
})
/** It lives on for its grace after it was asked to end: a record that says so before is wrong. */
const stubbornRequest = {
  ...request,
  spec: { ...request.spec, command: ['stubborn'] as const },
  policy: { ...request.policy, graceMs: 2000 },
}
const stopPoints: readonly CrashPoint[] = [
  'before-cancel',
  'after-cancel',
  'before-store-end',
  'after-store-end',
]

/** Opens a replica that dies when it passes `point`. */
async function openDoomed(platform: TestPlatform, point: CrashPoint) {
  const death = Promise.withResolvers<void>()
  const replica: TestReplica = await platform.open({
    reach(reached) {
      if (reached !== point) return
      replica.kill()
      death.resolve()
      return new Promise(() => {})
    },
  })
  let isDead = false
  void death.promise.then(() => {
    isDead = true
  })
  return { replica, untilDead: () => until(`death at ${point}`, platform.clock, () => isDead) }
}

async function assertHeld(replica: TestReplica, servers: number): Promise<void> {
  const { used, jobs } = await replica.jobs.quotas.usage({ kind: 'platform' })
  assert.deepEqual({ servers: used.servers, jobs }, { servers, jobs: servers })
}

for (const kind of testStoreKinds) {
  describe(`a control plane that dies, on ${kind.kind}`, () => {
    for (const point of crashPoints.filter((name) => !stopPoints.includes(name))) {
      test(`${point} of a start: the next one comes to one running job`, async (t) => {
        const platform = await createTestPlatform(kind)
        t.after(platform.dispose)
        const { replica: doomed, untilDead } = await openDoomed(platform, point)
        const { key } = await requestOne(doomed, request)
        await untilDead()
        const next = await platform.open()
        const job = await untilState(next, platform.clock, key, 'running')
        assert.equal(job.attempts, 1)
        assert.equal(job.handle?.key, buildAttemptKey(key, 1))
        assert.equal(platform.world.countStarts(buildAttemptKey(key, 1)), 1)
        assert.equal(platform.world.listRuns().length, 1)
        await assertHeld(next, 1)
        await stopOne(next, key)
        await untilState(next, platform.clock, key, 'cancelled')
        await assertHeld(next, 0)
      })

      test(`${point} of a start that is stopped meanwhile: nothing runs in the end`, async (t) => {
        const platform = await createTestPlatform(kind)
        t.after(platform.dispose)
        const { replica: doomed, untilDead } = await openDoomed(platform, point)
        const { key } = await requestOne(doomed, stubbornRequest)
        await untilDead()
        await stopOne(doomed, key)
        const next = await platform.open()
        await untilState(next, platform.clock, key, 'cancelled')
        assert.ok(platform.world.listRuns().every((run) => run.state === 'ended'))
        assert.ok(platform.world.countStarts(buildAttemptKey(key, 1)) <= 1)
        await assertHeld(next, 0)
      })
    }

    for (const point of stopPoints) {
      test(`${point} of a stop: the next one comes to its end`, async (t) => {
        const platform = await createTestPlatform(kind)
        t.after(platform.dispose)
        const { replica: doomed, untilDead } = await openDoomed(platform, point)
        const { key } = await requestOne(doomed, request)
        await untilState(doomed, platform.clock, key, 'running')
        await stopOne(doomed, key)
        await untilDead()
        const next = await platform.open()
        const job = await untilState(next, platform.clock, key, 'cancelled')
        assert.equal(job.reason, 'requested')
        assert.ok(platform.world.listRuns().every((run) => run.state === 'ended'))
        assert.equal(platform.world.countStarts(buildAttemptKey(key, 1)), 1)
        await assertHeld(next, 0)
      })
    }

    test('running jobs go on over a death, records and endpoints untouched', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const first = await platform.open()
      const { key } = await requestOne(first, request)
      const before = await untilState(first, platform.clock, key, 'running')
      first.kill()
      const next = await platform.open()
      const { key: other } = await requestOne(next, buildTestRequest(['wait']))
      await untilState(next, platform.clock, other, 'running')
      assert.deepEqual(await next.jobs.find(key), before)
      assert.equal(platform.world.listRuns().length, 2)
    })

    test('an end that nobody saw is recorded by the next one, with its cause', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const first = await platform.open()
      const { key } = await requestOne(first, request)
      await untilState(first, platform.clock, key, 'running')
      first.kill()
      platform.world.end(buildAttemptKey(key, 1), {
        state: 'failed',
        reason: 'out_of_memory',
        message: 'It needed more memory than it had.',
      })
      const next = await platform.open()
      const job = await untilState(next, platform.clock, key, 'failed')
      assert.equal(job.reason, 'out_of_memory')
      assert.equal(job.logTail, 'waiting')
      await assertHeld(next, 0)
    })
  })
}
