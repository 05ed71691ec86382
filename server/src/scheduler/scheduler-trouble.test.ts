import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import type { SubmitFault } from './drivers/memory/memory-controls.ts'
import { createMemoryScheduler } from './drivers/memory/memory-scheduler.ts'
import { buildAttemptKey } from './job-key.ts'
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

const wait: [string] = ['wait']

/** Requests `count` jobs in one transaction. */
async function requestMany({ store, jobs }: TestReplica, count: number): Promise<string[]> {
  const keys: string[] = []
  await store.transaction(async (tx) => {
    for (let index = 0; index < count; index++) {
      keys.push((await jobs.request(tx, buildTestRequest(wait))).key)
    }
  })
  return keys
}

function countLive({ world }: TestPlatform): number {
  return world.listRuns().filter((run) => run.state !== 'ended').length
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext) => {
    const platform = await createTestPlatform(kind)
    t.after(platform.dispose)
    return { ...platform, platform, replica: await platform.open() }
  }

  describe(`a scheduler that misbehaves, on ${kind.kind}`, () => {
    for (const fault of ['lost', 'unanswered', 'half', 'twice'] satisfies SubmitFault[]) {
      test(`a submission that is ${fault} ends with each job running once`, async (t) => {
        const { platform, world, clock, replica } = await setUp(t)
        world.controls.submitFaults.push(fault, fault)
        const keys = await requestMany(replica, 4)
        for (const key of keys) await untilState(replica, clock, key, 'running')
        await until('no second ones', clock, () => countLive(platform) === keys.length, 1000)
        for (const key of keys) {
          assert.equal((await replica.jobs.find(key))?.state, 'running')
          const live = world.findRuns(buildAttemptKey(key, 1)).filter((run) => run.state !== 'ended')
          assert.equal(live.length, 1)
        }
      })
    }

    test('a job that the scheduler took and lost is submitted again', async (t) => {
      const { world, clock, replica } = await setUp(t)
      world.controls.vanish = (spec) => spec.key.endsWith('-1')
      const { key } = await requestOne(replica, buildTestRequest(wait))
      const job = await untilState(replica, clock, key, 'running')
      assert.equal(job.attempts, 2)
    })

    test('a job that the scheduler always loses fails in the end', async (t) => {
      const { world, clock, replica } = await setUp(t)
      world.controls.vanish = () => true
      const { key } = await requestOne(replica, buildTestRequest(wait))
      const job = await untilState(replica, clock, key, 'failed')
      assert.equal(job.reason, 'not_observed')
      assert.deepEqual(await replica.jobs.quotas.list(), [])
    })

    test('a running job that the scheduler forgot has failed, nobody knows how', async (t) => {
      const { world, clock, replica } = await setUp(t)
      const { key } = await requestOne(replica, buildTestRequest(wait))
      const job = await untilState(replica, clock, key, 'running')
      assert.ok(job.handle)
      world.forget(job.handle)
      assert.equal((await untilState(replica, clock, key, 'failed')).reason, 'not_observed')
    })

    test('an unreachable scheduler: unknown after a while, endpoint and share kept, then as it was', async (t) => {
      const { world, clock, replica } = await setUp(t)
      const { key } = await requestOne(replica, buildTestRequest(wait, { spec: { ports: ['http'] } }))
      const before = await untilState(replica, clock, key, 'running')
      world.controls.unreachable = true
      const unknown = await untilState(replica, clock, key, 'unknown')
      assert.deepEqual(unknown.endpoint, before.endpoint)
      assert.equal(unknown.readyAtMs, before.readyAtMs)
      assert.equal(unknown.reason, 'scheduler_unavailable')
      assert.equal((await replica.jobs.quotas.usage({ kind: 'platform' })).jobs, 1)
      await clock.advance(3_600_000)
      world.controls.unreachable = false
      assert.deepEqual(await untilState(replica, clock, key, 'running'), before)
      assert.equal(world.listRuns().length, 1)
    })

    test('what is wanted while the scheduler is unreachable is done afterwards', async (t) => {
      const { platform, world, clock, replica } = await setUp(t)
      const { key: stopped } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, stopped, 'running')
      world.controls.unreachable = true
      const { key: started } = await requestOne(replica, buildTestRequest(wait))
      const waiting = await until('a word about it', clock, async () => {
        const job = await replica.jobs.find(started)
        return job?.reason === 'scheduler_unavailable' ? job : undefined
      })
      assert.equal(waiting.state, 'pending')
      await stopOne(replica, stopped)
      await clock.advance(60_000)
      assert.equal(countLive(platform), 1)
      world.controls.unreachable = false
      await untilState(replica, clock, stopped, 'cancelled')
      await untilState(replica, clock, started, 'running')
      assert.equal(world.countStarts(buildAttemptKey(started, 1)), 1)
    })

    test('an end during unreachability is found afterwards', async (t) => {
      const { world, clock, replica } = await setUp(t)
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, key, 'running')
      world.controls.unreachable = true
      await untilState(replica, clock, key, 'unknown')
      world.end(buildAttemptKey(key, 1), { state: 'failed', reason: 'node_lost', message: 'Gone.' })
      world.controls.unreachable = false
      assert.equal((await untilState(replica, clock, key, 'failed')).reason, 'node_lost')
    })

    for (const hints of ['never', 'twice'] as const) {
      test(`a job lives and ends when hints come ${hints}`, async (t) => {
        const { world, clock, replica } = await setUp(t)
        world.controls.hints = hints
        const { key } = await requestOne(replica, buildTestRequest(wait))
        await untilState(replica, clock, key, 'running')
        const exit = { state: 'failed', reason: 'exit_status', message: 'Ouch.' } as const
        world.end(buildAttemptKey(key, 1), exit)
        await untilState(replica, clock, key, 'failed')
      })
    }

    test('an answer that comes late and is out of date does no harm', async (t) => {
      const { world, clock, replica } = await setUp(t)
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, key, 'running')
      const release = world.controls.hold('observe')
      await clock.advance(30_000)
      world.end(buildAttemptKey(key, 1), { state: 'failed', reason: 'exit_status', message: 'Ouch.' })
      release()
      await untilState(replica, clock, key, 'failed')
    })

    test('a slow submission does not keep the stop of its job from working', async (t) => {
      const { platform, world, clock, replica } = await setUp(t)
      const release = world.controls.hold('submit')
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await until('the submission', clock, () => world.listRuns().length === 1)
      await stopOne(replica, key)
      await clock.advance(1000)
      release()
      await untilState(replica, clock, key, 'cancelled')
      assert.equal(countLive(platform), 0)
    })

    test('what runs and nobody wants is ended', async (t) => {
      const { platform, world, clock, replica } = await setUp(t)
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, key, 'running')
      const { spec } = buildTestRequest(wait)
      const stranger = createMemoryScheduler(world)
      const keys = ['server-unknown-1', buildAttemptKey(key, 7)]
      const specs = keys.map((attemptKey) => ({ ...spec, key: attemptKey, kind: 'server' as const }))
      await stranger.submit(specs, { signal: t.signal })
      await until('the strangers to be ended', clock, () => countLive(platform) === 1, 1000)
      assert.equal((await replica.jobs.find(key))?.state, 'running')
    })

    test('a bad spec in a batch is refused alone', async (t) => {
      const { world, clock, replica } = await setUp(t)
      world.controls.refuse = (spec) => {
        if (spec.labels['bad'] === 'yes') throw new Error('bug')
        return undefined
      }
      const good = await requestMany(replica, 3)
      const { key } = await requestOne(replica, buildTestRequest(wait, { spec: { labels: { bad: 'yes' } } }))
      const more = await requestMany(replica, 3)
      assert.equal((await untilState(replica, clock, key, 'failed')).reason, 'submit_failed')
      for (const one of [...good, ...more]) await untilState(replica, clock, one, 'running')
    })

    test('a job that needs what is not to be had waits, says why once, and holds up nobody', async (t) => {
      const { world, clock, replica } = await setUp(t)
      let tries = 0
      const delay = { reason: 'storage_unavailable', message: 'The storage keeper does not answer.' }
      world.controls.delay = ({ labels }) => (labels['late'] === 'yes' && ++tries ? delay : undefined)
      const late = buildTestRequest(wait, { spec: { labels: { late: 'yes' } } })
      const { key } = await requestOne(replica, late)
      const { key: other } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, other, 'running')
      await stopOne(replica, other)
      await untilState(replica, clock, other, 'cancelled')
      await until('some tries', clock, async () => tries > 3)
      assert.deepEqual(
        (({ state, reason, message }) => ({ state, reason, message }))(
          await untilState(replica, clock, key, 'pending'),
        ),
        { state: 'pending', ...delay },
      )
      const said = await replica.store.db
        .selectFrom('job_events')
        .select('id')
        .where('message', '=', delay.message)
        .execute()
      assert.equal(said.length, 1)
      world.controls.delay = () => undefined
      const { attempts, message } = await untilState(replica, clock, key, 'running')
      assert.deepEqual([attempts, message], [1, undefined])
    })

    test('a job that is delayed is tried every few seconds, not all the time', async (t) => {
      const { world, clock, replica } = await setUp(t)
      let tries = 0
      world.controls.delay = () => ({ reason: 'storage_unavailable', message: `try ${++tries}` })
      await requestOne(replica, buildTestRequest(wait))
      await until('the first tries', clock, async () => tries > 1)
      const [before, beganMs] = [tries, clock.monotonic()]
      await until('half a minute', clock, async () => clock.monotonic() - beganMs > 30_000)
      assert.ok(tries - before <= 12, `${tries - before} tries`)
    })

    test('what the scheduler says in a form no database takes is recorded as well as it goes, alone', async (t) => {
      const { world, clock, replica } = await setUp(t)
      const [odd = '', broken = '', ...others] = await requestMany(replica, 5)
      for (const key of [odd, broken, ...others]) await untilState(replica, clock, key, 'running')
      const exit = { state: 'failed', reason: 'exit_status', message: 'Ouch.' } as const
      world.end(buildAttemptKey(odd, 1), { ...exit, message: 'O\0uch.', exitCode: 3.2 })
      // PostgreSQL's integers are not that wide, SQLite's are.
      world.end(buildAttemptKey(broken, 1), { ...exit, exitCode: 2 ** 40 })
      for (const key of others) world.end(buildAttemptKey(key, 1), exit)
      for (const key of others) await untilState(replica, clock, key, 'failed')
      const { message, exitCode } = await untilState(replica, clock, odd, 'failed')
      assert.deepEqual({ message, exitCode }, { message: 'Ouch.', exitCode: 3 })
      await stopOne(replica, broken)
      assert.ok(await replica.jobs.find(broken))
    })

    test('no capacity: jobs wait on the scheduler and run as others end', async (t) => {
      const platform = await createTestPlatform(kind, {
        world: { nodes: [{ name: 'n1', pool: 'default', cpu: 2, memoryBytes: 1, gpu: 0 }] },
      })
      t.after(platform.dispose)
      const replica = await platform.open()
      const keys: string[] = []
      for (let index = 0; index < 3; index++) {
        keys.push(
          (await requestOne(replica, buildTestRequest(wait, { spec: { resources: { cpu: 1 } } }))).key,
        )
      }
      const [first = '', second = '', third = ''] = keys
      await untilState(replica, platform.clock, first, 'running')
      await untilState(replica, platform.clock, second, 'running')
      assert.equal((await untilState(replica, platform.clock, third, 'pending')).state, 'pending')
      await stopOne(replica, first)
      await untilState(replica, platform.clock, third, 'running')
    })
  })
}
