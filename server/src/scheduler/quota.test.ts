import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import type { JobRequest } from './job-record.ts'
import { buildAmounts, describeObstacle, findExcess, noAmounts } from './quota.ts'
import { createQuotaLedger } from './quota-ledger.ts'
import {
  buildTestRequest,
  createTestPlatform,
  noLimits,
  requestOne,
  stopOne,
  type TestPlatformOptions,
  type TestReplica,
  until,
  untilState,
} from './testing.ts'

const gibibyte = 2 ** 30

async function createUser({ store }: TestReplica, name: string): Promise<number> {
  const row = await store.db
    .insertInto('users')
    .values({
      name,
      created_at: 0,
      last_activity: null,
      password_hash: null,
      locked_until: null,
      login: null,
      uid: null,
      gid: null,
      auth_state: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

async function createGroup({ store }: TestReplica, name: string): Promise<number> {
  const row = await store.db
    .insertInto('groups')
    .values({ name, properties: '{}', gid: null, created_at: 0 })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** A job that runs until it is stopped and takes this many cores. */
function cores(cpu: number, more: Partial<Omit<JobRequest, 'spec'>> = {}): JobRequest {
  return buildTestRequest(['wait'], { ...more, spec: { resources: { cpu } } })
}

test('what a job takes follows from its kind, its tasks and the resources of each', () => {
  const resources = { cpu: 0.5, memoryBytes: gibibyte, gpu: 1 }
  assert.deepEqual(buildAmounts('server', 1, resources), {
    servers: 1,
    clusters: 0,
    workers: 0,
    cpu: 0.5,
    memoryBytes: gibibyte,
    gpu: 1,
  })
  assert.deepEqual(buildAmounts('dask-worker', 4, resources), {
    servers: 0,
    clusters: 0,
    workers: 4,
    cpu: 2,
    memoryBytes: 4 * gibibyte,
    gpu: 4,
  })
  assert.deepEqual(buildAmounts('dask-scheduler', 1, { cpu: 1 }), { ...noAmounts, clusters: 1, cpu: 1 })
  assert.deepEqual(buildAmounts('batch', 1, {}), noAmounts)
})

test('a sum of fractions fits a limit it equals, and nothing asked for fits any limit', () => {
  const used = { ...noAmounts, cpu: 0.1 + 0.2 }
  assert.equal(findExcess(used, { ...noAmounts, cpu: 0.7 }, { cpu: 1 }), undefined)
  assert.deepEqual(findExcess(used, { ...noAmounts, cpu: 0.8 }, { cpu: 1 }), { dimension: 'cpu', limit: 1 })
  assert.equal(findExcess({ ...noAmounts, cpu: 9 }, noAmounts, { cpu: 1 }), undefined)
})

test('an obstacle has a stable reason and a sentence with its limit', () => {
  const subject = { kind: 'group', id: 1 } as const
  const limit = 1.5 * gibibyte
  assert.deepEqual(describeObstacle({ subject, name: 'lab', dimension: 'memoryBytes', limit }), {
    reason: 'quota_group_memory',
    message: 'The limit of the group lab is 1.5 GiB of memory.',
  })
})

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext, options?: TestPlatformOptions) => {
    const platform = await createTestPlatform(kind, options)
    t.after(platform.dispose)
    return { ...platform, replica: await platform.open() }
  }

  describe(`quotas on ${kind.kind}`, () => {
    test('a job over its user’s limit waits with the reason, and starts when there is room', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { users: { alice: { cpu: 2 } } } })
      const userId = await createUser(replica, 'alice')
      const first = await requestOne(replica, cores(1.5, { userId }))
      await untilState(replica, clock, first.key, 'running')
      const second = await requestOne(replica, cores(1, { userId }))
      const waiting = await until('a reason', clock, async () => {
        const job = await replica.jobs.find(second.key)
        return job?.reason === undefined ? undefined : job
      })
      assert.equal(waiting.state, 'queued')
      assert.equal(waiting.reason, 'quota_user_cpu')
      assert.match(waiting.message ?? '', /user alice is 2 CPU cores/)
      const usage = await replica.jobs.quotas.usage({ kind: 'user', id: userId })
      assert.deepEqual(
        { ...usage.used, limit: usage.limits.cpu, name: usage.name, jobs: usage.jobs },
        {
          ...noAmounts,
          servers: 1,
          cpu: 1.5,
          limit: 2,
          name: 'alice',
          jobs: 1,
        },
      )
      await stopOne(replica, first.key)
      assert.equal((await untilState(replica, clock, second.key, 'running')).reason, undefined)
    })

    test('a job that can never fit is refused, and leaves no record', async (t) => {
      const { replica } = await setUp(t, { limits: { defaultUser: { cpu: 2 }, platform: { gpu: 0 } } })
      const userId = await createUser(replica, 'alice')
      await assert.rejects(requestOne(replica, cores(2.5, { userId })), {
        code: 'quota_exceeded',
        message: 'The limit of the user alice is 2 CPU cores.',
      })
      const gpu = buildTestRequest(['wait'], { spec: { resources: { gpu: 1 } } })
      await assert.rejects(requestOne(replica, gpu), { code: 'quota_exceeded' })
      assert.deepEqual(await replica.jobs.list({}), [])
    })

    test('a job counts against its owner, its group and the platform, each listed', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { groups: { lab: { cpu: 2 } } } })
      const [userId, groupId] = [await createUser(replica, 'alice'), await createGroup(replica, 'lab')]
      const { key } = await requestOne(replica, cores(2, { userId, groupId }))
      await untilState(replica, clock, key, 'running')
      const list = await replica.jobs.quotas.list()
      assert.deepEqual(
        list.map(({ subject, name, used }) => [subject.kind, name, used.cpu]),
        [
          ['platform', '', 2],
          ['group', 'lab', 2],
          ['user', 'alice', 2],
        ],
      )
      const bob = await createUser(replica, 'bob')
      const other = await requestOne(replica, cores(1, { userId: bob, groupId }))
      await until('a reason', clock, async () => {
        return (await replica.jobs.find(other.key))?.reason === 'quota_group_cpu'
      })
      await stopOne(replica, other.key)
      assert.equal((await replica.jobs.find(other.key))?.state, 'cancelled')
    })

    test('a job that names no group counts against every group of its owner', async (t) => {
      const { replica, clock } = await setUp(t, {
        limits: { groups: { lab: { cpu: 2 }, class: { gpu: 0 } } },
      })
      const [alice, bob] = [await createUser(replica, 'alice'), await createUser(replica, 'bob')]
      const [lab, group] = [await createGroup(replica, 'lab'), await createGroup(replica, 'class')]
      const members = [
        { group_id: lab, user_id: alice },
        { group_id: lab, user_id: bob },
        { group_id: group, user_id: bob },
      ]
      await replica.store.db.insertInto('group_members').values(members).execute()
      const first = await requestOne(replica, cores(1.5, { userId: alice }))
      await untilState(replica, clock, first.key, 'running')
      const second = await requestOne(replica, cores(1, { userId: bob }))
      await until('a reason', clock, async () => {
        return (await replica.jobs.find(second.key))?.reason === 'quota_group_cpu'
      })
      const gpu = buildTestRequest(['wait'], { userId: bob, spec: { resources: { gpu: 1 } } })
      await assert.rejects(requestOne(replica, gpu), { code: 'quota_exceeded' })
      await stopOne(replica, first.key)
      await untilState(replica, clock, second.key, 'running')
      const list = await replica.jobs.quotas.list()
      assert.deepEqual(
        list.map(({ subject, name, used }) => [subject.kind, name, used.cpu]),
        [
          ['platform', '', 1],
          ['group', 'class', 1],
          ['group', 'lab', 1],
          ['user', 'bob', 1],
        ],
      )
      await stopOne(replica, second.key)
      await untilState(replica, clock, second.key, 'cancelled')
      assert.deepEqual(await replica.jobs.quotas.list(), [])
    })

    test('a cluster beyond the limit waits until another has ended', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { defaultUser: { clusters: 1 } } })
      const userId = await createUser(replica, 'alice')
      const scheduler = buildTestRequest(['wait'], { kind: 'dask-scheduler', userId })
      const first = await requestOne(replica, scheduler)
      await untilState(replica, clock, first.key, 'running')
      const second = await requestOne(replica, scheduler)
      await until('a reason', clock, async () => {
        return (await replica.jobs.find(second.key))?.reason === 'quota_user_clusters'
      })
      assert.equal((await replica.jobs.quotas.usage({ kind: 'user', id: userId })).used.clusters, 1)
      await stopOne(replica, first.key)
      await untilState(replica, clock, second.key, 'running')
    })

    test('limits are those of the user, the groups and the platform, in this order', async (t) => {
      const { replica } = await setUp(t, {
        limits: { defaultUser: { cpu: 1 }, groups: { physics: { cpu: 2 } }, platform: { cpu: 3 } },
      })
      const userId = await createUser(replica, 'alice')
      const groupId = await createGroup(replica, 'physics')
      await replica.store.db
        .insertInto('group_members')
        .values({ user_id: userId, group_id: groupId })
        .execute()
      assert.deepEqual(await replica.jobs.quotas.limitsOf({ userId }), [
        { subject: { kind: 'user', id: userId }, name: 'alice', limits: { cpu: 1 } },
        { subject: { kind: 'group', id: groupId }, name: 'physics', limits: { cpu: 2 } },
        { subject: { kind: 'platform' }, name: '', limits: { cpu: 3 } },
      ])
    })

    test('one user’s thousand workers do not stand before another user’s first job', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { platform: { workers: 10 } } })
      const [alice, bob] = [await createUser(replica, 'alice'), await createUser(replica, 'bob')]
      const keys: string[] = []
      await replica.store.transaction(async (tx) => {
        for (let index = 0; index < 200; index++) {
          const request = buildTestRequest(['wait'], { kind: 'dask-worker', userId: alice })
          keys.push((await replica.jobs.request(tx, request)).key)
        }
      })
      await until('alice to have ten', clock, async () => {
        return (await replica.jobs.list({ states: ['running'] })).length === 10
      })
      const { key } = await requestOne(
        replica,
        buildTestRequest(['wait'], { kind: 'dask-worker', userId: bob }),
      )
      assert.equal((await replica.jobs.listPlaces()).get(key)?.place, 1)
      const [running] = await replica.jobs.list({ states: ['running'] })
      await stopOne(replica, running?.key ?? '')
      await untilState(replica, clock, key, 'running')
    })

    test('small jobs do not starve a large one, and who does not need what it waits for goes on', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { platform: { cpu: 4 } } })
      const holder = await requestOne(replica, cores(3))
      await untilState(replica, clock, holder.key, 'running')
      const large = await requestOne(replica, cores(4))
      const small = await requestOne(replica, cores(1))
      const none = await requestOne(replica, buildTestRequest(['wait']))
      await untilState(replica, clock, none.key, 'running')
      await clock.advance(60_000)
      assert.equal((await replica.jobs.find(small.key))?.state, 'queued')
      await stopOne(replica, holder.key)
      await untilState(replica, clock, large.key, 'running')
      assert.equal((await replica.jobs.find(small.key))?.state, 'queued')
    })

    test('servers go before workers, and places and starts are estimated', async (t) => {
      const { replica, clock } = await setUp(t, { limits: { platform: { cpu: 3 } } })
      const running: string[] = []
      for (let index = 0; index < 3; index++) {
        running.push((await requestOne(replica, cores(1))).key)
        await clock.advance(60_000)
      }
      for (const key of running) await untilState(replica, clock, key, 'running')
      const worker = await requestOne(replica, cores(1, { kind: 'dask-worker' }))
      const server = await requestOne(replica, cores(1))
      const places = await replica.jobs.listPlaces()
      assert.deepEqual([...places.keys()], [server.key, worker.key])
      const [first, second] = [places.get(server.key), places.get(worker.key)]
      assert.deepEqual([first?.place, second?.place], [1, 2])
      assert.ok((first?.estimatedStartMs ?? 0) > clock.now())
      assert.ok((second?.estimatedStartMs ?? 0) > (first?.estimatedStartMs ?? 0))
    })

    test('a limit lowered below what is held ends nothing and admits nothing', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const before = await platform.open()
      const { key } = await requestOne(before, cores(4))
      await untilState(before, platform.clock, key, 'running')
      const waiting = await requestOne(before, cores(1))
      await untilState(before, platform.clock, waiting.key, 'running')
      before.kill()
      const after = await platform.open({ limits: { ...noLimits, platform: { cpu: 2 } } })
      const late = await requestOne(after, cores(1))
      await until('a reason', platform.clock, async () => {
        return (await after.jobs.find(late.key))?.reason === 'quota_platform_cpu'
      })
      assert.equal((await after.jobs.find(key))?.state, 'running')
    })

    test('takers at the same time never take more than there is', async (t) => {
      const site = await kind.createSite()
      const { systemClock: clock } = await import('#platform/clock.ts')
      // On SQLite one process has the database.
      const stores = await Promise.all(
        Array.from({ length: kind.kind === 'postgres' ? 3 : 1 }, () => site.open({ clock })),
      )
      t.after(async () => {
        for (const store of stores) await store.close()
        await site.dispose()
      })
      const limits = { ...noLimits, platform: { cpu: 20 } }
      const takers = Array.from({ length: 12 }, (_, taker) => {
        const store = stores[taker % stores.length]
        assert.ok(store)
        const ledger = createQuotaLedger({ store, clock, limits })
        const claims = Array.from({ length: 5 }, (_, index) => ({
          key: `job-${taker}-${index}`,
          kind: 'batch' as const,
          userId: null,
          groupId: null,
          amounts: { ...noAmounts, cpu: 1 },
        }))
        return store.transaction((tx) => ledger.take(tx, claims))
      })
      const outcomes = await Promise.all(takers)
      const taken = outcomes.flatMap((outcome) => outcome.taken)
      assert.equal(taken.length, 20)
      const [store] = stores
      assert.ok(store)
      const ledger = createQuotaLedger({ store, clock, limits })
      assert.equal((await ledger.usage({ kind: 'platform' })).used.cpu, 20)
      await store.transaction((tx) => ledger.giveBack(tx, [...taken.slice(0, 5), 'nobody']))
      assert.equal((await ledger.usage({ kind: 'platform' })).used.cpu, 15)
    })
  })
}
