import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { UsageDimension } from '@atrium/contract/usage-api.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import type { JobRequest } from '#scheduler/job-record.ts'
import {
  buildTestRequest,
  createTestPlatform,
  requestOne,
  stopOne,
  type TestReplica,
  until,
  untilState,
} from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'
import { dayMs } from './job-use.ts'
import { readSubjectUse } from './subject-use.ts'
import { dayOf, readUsage, readUsageTotals } from './usage-reader.ts'

const hourMs = 3_600_000
const gibibyte = 2 ** 30
const resources = { cpu: 2, memoryBytes: 4 * gibibyte, gpu: 1 }

async function createUser({ store }: TestReplica, name: string, ...groups: string[]): Promise<number> {
  const { id } = await store.db
    .insertInto('users')
    .values({ name, created_at: 0 })
    .returning('id')
    .executeTakeFirstOrThrow()
  for (const group of groups) {
    await store.db
      .insertInto('groups')
      .values({ name: group, properties: '{}', created_at: 0 })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute()
    const row = await store.db
      .selectFrom('groups')
      .select('id')
      .where('name', '=', group)
      .executeTakeFirstOrThrow()
    await store.db.insertInto('group_members').values({ group_id: row.id, user_id: id }).execute()
  }
  return id
}

function work(userId: number, more: Partial<JobRequest> = {}): JobRequest {
  return buildTestRequest(['wait'], { userId, ...more, spec: { resources } })
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext) => {
    const platform = await createTestPlatform(kind)
    t.after(platform.dispose)
    const replica = await platform.open()
    const { clock } = platform
    const today = dayOf(clock.now())
    const read = (by: UsageDimension, more = {}) =>
      readUsage(replica.store.db, { fromDay: today, toDay: today + 2, ...more }, by, clock.now())
    const run = async (request: JobRequest, ms: number) => {
      const { key } = await requestOne(replica, request)
      await untilState(replica, clock, key, 'running')
      await clock.advance(ms)
      await stopOne(replica, key)
      await untilState(replica, clock, key, 'cancelled')
      return key
    }
    return { ...platform, platform, replica, today, read, run }
  }
  /** Within what it takes to start and to stop. */
  const assertHours = (seconds: number | undefined, hours: number) =>
    assert.ok(Math.abs((seconds ?? 0) / 3600 - hours) < 0.02 * hours, `${seconds} s are not ${hours} h`)

  describe(`what is used, on ${kind.kind}`, () => {
    test('a job counts with what it asked for, for its owner and once for each of their groups', async (t) => {
      const { replica, read, run } = await setUp(t)
      const alice = await createUser(replica, 'alice', 'physics', 'chemistry')
      const bob = await createUser(replica, 'bob', 'physics')
      await run(work(alice), hourMs)
      await run(work(bob), hourMs / 2)
      const users = (await read('user')).toSorted((a, b) => (a.userId ?? 0) - (b.userId ?? 0))
      assert.deepEqual(
        users.map(({ userId, runs }) => ({ userId, runs })),
        [
          { userId: alice, runs: 1 },
          { userId: bob, runs: 1 },
        ],
      )
      assertHours(users[0]?.coreSeconds, 2)
      assertHours(users[0]?.gibSeconds, 4)
      assertHours(users[0]?.gpuSeconds, 1)
      assertHours(users[1]?.coreSeconds, 1)
      const groups = (await read('group')).map(({ coreSeconds }) => Math.round(coreSeconds / 3600))
      assert.deepEqual(groups.toSorted(), [2, 3])
      const [physics] = await read('group', { userId: bob })
      const inPhysics = await read('user', { groupId: physics?.groupId })
      assert.deepEqual(inPhysics.map(({ userId }) => userId).toSorted(), [alice, bob])
      const totals = await readUsageTotals(replica.store.db)
      assertHours(totals.find(({ groupId }) => groupId === 0)?.coreSeconds, 3)
      assertHours(totals.find(({ groupId }) => groupId === physics?.groupId)?.coreSeconds, 3)
    })

    test('what runs counts up to now, each day of it for itself, and the same once it is over', async (t) => {
      const { replica, read, clock, today } = await setUp(t)
      const alice = await createUser(replica, 'alice')
      clock.jump(dayMs - hourMs)
      const { key } = await requestOne(replica, work(alice))
      await untilState(replica, clock, key, 'running')
      await clock.advance(1.5 * hourMs)
      const check = async (runs: number) => {
        const days = (await read('day')).toSorted((a, b) => (a.day ?? 0) - (b.day ?? 0))
        assert.deepEqual(
          days.map(({ day, ...sum }) => [day, sum.runs]),
          [
            [today, 0],
            [today + 1, runs],
          ],
        )
        assertHours(days[0]?.coreSeconds, 2)
        assertHours(days[1]?.coreSeconds, 1)
      }
      await check(0)
      await stopOne(replica, key)
      await untilState(replica, clock, key, 'cancelled')
      await check(1)
      assert.equal((await read('day', { fromDay: today + 1 })).length, 1)
    })

    test('what all jobs of one subject have used is told up to now', async (t) => {
      const { replica, clock, run } = await setUp(t)
      const alice = await createUser(replica, 'alice')
      await run(work(alice, { subject: 'cluster:1' }), hourMs)
      const { key } = await requestOne(replica, work(alice, { subject: 'cluster:1' }))
      await untilState(replica, clock, key, 'running')
      await run(work(alice, { subject: 'cluster:11' }), hourMs)
      const subjects = ['cluster:1', 'cluster:2', 'cluster:11']
      const uses = await readSubjectUse(replica.store.db, subjects, clock.now())
      assert.deepEqual([...uses.keys()].toSorted(), ['cluster:1', 'cluster:11'])
      const of = uses.get('cluster:1')
      assertHours(of?.coreSeconds, 4)
      assertHours(of?.gpuSeconds, 2)
      assertHours(of?.gibSeconds, 8)
      assertHours(uses.get('cluster:11')?.coreSeconds, 2)
    })

    test('what the scheduler accounted for is what counts', async (t) => {
      const { replica, world, read, run } = await setUp(t)
      const alice = await createUser(replica, 'alice')
      world.controls.account = () => ({
        coreSeconds: 64 * 3600,
        gpuSeconds: 3600,
        memoryByteSeconds: 256 * gibibyte * 3600,
      })
      await run(work(alice), 60_000)
      const [sum] = await read('user')
      assert.deepEqual([sum?.coreSeconds, sum?.gpuSeconds, sum?.gibSeconds], [64 * 3600, 3600, 256 * 3600])
    })

    test('every start of a job that was preempted counts, and it remembers why it began anew', async (t) => {
      const { replica, world, clock, read } = await setUp(t)
      const alice = await createUser(replica, 'alice')
      const { key } = await requestOne(replica, work(alice, { policy: { requeue: true } }))
      for (const attempt of [1, 2, 3]) {
        await until(`start ${attempt}`, clock, async () => {
          const job = await replica.jobs.find(key)
          return job?.state === 'running' && job.attempts === attempt
        })
        await clock.advance(hourMs)
        world.preempt(buildAttemptKey(key, attempt))
      }
      const job = await until('the last start', clock, async () => {
        const found = await replica.jobs.find(key)
        return found?.attempts === 4 ? found : undefined
      })
      assert.deepEqual(
        { count: job.restarts?.count, reason: job.restarts?.reason },
        { count: 3, reason: 'preempted' },
      )
      const [sum] = await read('user')
      assert.equal(sum?.runs, 3)
      assertHours(sum?.coreSeconds, 6)
    })

    for (const point of ['before-store-end', 'after-store-end'] as const) {
      test(`a control plane that dies ${point} counts a start once`, async (t) => {
        const { platform, clock, read, replica } = await setUp(t)
        const alice = await createUser(replica, 'alice')
        await replica.jobs.close()
        let isDead = false
        const doomed: TestReplica = await platform.open({
          reach(reached) {
            if (reached !== point) return
            doomed.kill()
            isDead = true
            return new Promise(() => {})
          },
        })
        const { key } = await requestOne(doomed, work(alice))
        await untilState(doomed, clock, key, 'running')
        await clock.advance(hourMs)
        await stopOne(doomed, key)
        await until('its death', clock, () => isDead)
        const next = await platform.open()
        await untilState(next, clock, key, 'cancelled')
        const [sum] = await read('user')
        assert.equal(sum?.runs, 1)
        assertHours(sum?.coreSeconds, 2)
      })
    }

    test('who is deleted is still in the sums', async (t) => {
      const { replica, read, run } = await setUp(t)
      const alice = await createUser(replica, 'alice', 'physics')
      await run(work(alice), hourMs)
      await replica.store.db.deleteFrom('users').where('id', '=', alice).execute()
      await replica.store.db.deleteFrom('groups').execute()
      assertHours((await read('user'))[0]?.coreSeconds, 2)
      assertHours((await read('group'))[0]?.coreSeconds, 2)
    })
  })
}
