import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { hasEnded } from '@atrium/contract/jobs.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import { type TestPlatformOptions, until } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'

import { createDaskSite, type DaskReplica, type DaskSite } from './testing.ts'

const actor = { name: 'user:alice' }
const requested = { actor, reason: 'requested' }

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext, options?: TestPlatformOptions) => {
    const site = await createDaskSite(kind, options)
    t.after(site.platform.dispose)
    return site
  }
  const setUpRunning = async (t: TestContext, options?: TestPlatformOptions) => {
    const site = await setUp(t, options)
    const replica = await site.open()
    const alice = await site.createUser(replica, 'alice')
    const name = await site.create(replica, alice)
    await site.untilState(replica, name, 'running')
    return { ...site, replica, alice, name }
  }
  const countActive = async ({ jobs }: DaskReplica) => (await jobs.list({ active: true })).length
  const untilNothingRuns = ({ clock }: DaskSite, replica: DaskReplica) =>
    until('the end of all jobs', clock, async () => (await countActive(replica)) === 0)

  describe(`Dask clusters on ${kind.kind}`, () => {
    test('one is there at once, runs when its scheduler answers, and lets in who has its token', async (t) => {
      const site = await setUp(t)
      const replica = await site.open()
      const alice = await site.createUser(replica, 'alice')
      const name = await site.create(replica, alice)
      assert.match(name, /^[0-9a-f]{32}$/)
      const pending = await replica.dask.find(name)
      assert.equal(pending?.state, 'pending')
      assert.equal(await replica.dask.readCredentials(name), undefined)
      const started = replica.dask.waitForStart(name, {
        atMostMs: 60_000,
        signal: AbortSignal.timeout(60_000),
      })
      const running = await site.untilState(replica, name, 'running')
      assert.equal((await started)?.state, 'running')
      assert.equal(running.user, 'alice')
      assert.deepEqual(running.options, { worker_cores: 1 })
      assert.ok(running.startedAtMs === undefined || running.startedAtMs >= running.createdAtMs)
      const credentials = await replica.dask.readCredentials(name)
      assert.match(credentials?.certificate ?? '', /^-----BEGIN CERTIFICATE-----/)
      assert.equal(await replica.dask.verifyToken(name, 'guess'), false)
      assert.deepEqual(
        (await replica.dask.list({ userId: alice.id })).map((cluster) => cluster.name),
        [name],
      )
    })

    test('its jobs carry no secret in anything that is shown', async (t) => {
      const site = await setUpRunning(t)
      const { replica, name } = site
      await replica.dask.scale(name, 1, actor)
      await site.untilConnected(replica, name, 1)
      const credentials = await replica.dask.readCredentials(name)
      const shown = JSON.stringify(await replica.jobs.list({}))
      assert.ok(!shown.includes('BEGIN'))
      const given = site.platform.world
        .listRuns()
        .map(({ spec }) => spec.environment['DASK_DISTRIBUTED__COMM__TLS__CA_FILE'])
      assert.deepEqual(given, [credentials?.certificate, credentials?.certificate])
      const [scheduler] = site.platform.world.listRuns()
      const token = scheduler?.spec.environment['DASK_GATEWAY_API_TOKEN'] ?? ''
      assert.equal(await replica.dask.verifyToken(name, token), true)
      assert.ok(!shown.includes(token))
    })

    test('its jobs are what its settings say', async (t) => {
      const site = await setUp(t)
      const replica = await site.open()
      const name = await site.create(replica, await site.createUser(replica, 'alice'), {
        environmentPrefix: '/env',
        queue: { account: 'physics' },
        worker: { cpu: 2, threads: 4, memoryBytes: 2 ** 31, gpu: 1, preemptible: false },
        environment: { COLOUR: 'blue', DASK_GATEWAY_CLUSTER_NAME: 'another' },
        timeLimitMs: 3_600_000,
        clientTimeoutMs: 60_000,
      })
      await site.untilState(replica, name, 'running')
      await replica.dask.scale(name, 1, actor)
      await site.untilConnected(replica, name, 1)
      const [worker, scheduler] = (await replica.jobs.list({})).map(({ spec }) => spec)
      for (const spec of [worker, scheduler]) {
        assert.equal(spec?.owner.login, 'alice')
        assert.equal(spec?.timeLimitMs, 3_600_000)
        assert.deepEqual(spec?.queue, { account: 'physics' })
        assert.equal(spec?.environment['COLOUR'], 'blue')
        assert.equal(spec?.environment['DASK_GATEWAY_CLUSTER_NAME'], name)
        assert.equal(spec?.environment['ATRIUM_DASK_CLIENT_TIMEOUT'], '60')
      }
      assert.deepEqual(worker?.resources, { cpu: 2, memoryBytes: 2 ** 31, gpu: 1 })
      assert.match(worker?.command.join(' ') ?? '', /--nthreads 4 --memory-limit 2147483648 --gpu 1/)
      assert.deepEqual(scheduler?.resources, { cpu: 1, memoryBytes: 2 ** 30 })
    })

    test('a stopped one leaves nothing: no job, no key, no way in', async (t) => {
      const site = await setUpRunning(t)
      const { replica, name } = site
      await replica.dask.scale(name, 3, actor)
      await site.untilConnected(replica, name, 3)
      const [scheduler] = site.platform.world.listRuns()
      const token = scheduler?.spec.environment['DASK_GATEWAY_API_TOKEN'] ?? ''
      await replica.dask.stop(name, requested)
      await replica.dask.stop(name, { actor, reason: 'again', failed: true })
      const stopped = await site.untilState(replica, name, 'stopped')
      assert.equal(stopped.reason, 'requested')
      assert.ok(stopped.stoppedAtMs)
      assert.equal(stopped.workers.wanted, 0)
      assert.equal(await countActive(replica), 0)
      assert.equal(await replica.dask.readCredentials(name), undefined)
      assert.equal(await replica.dask.verifyToken(name, token), false)
      assert.deepEqual(await replica.dask.list({}), [])
      assert.equal((await replica.dask.list({ states: ['stopped'] })).length, 1)
      await assert.rejects(replica.dask.scale(name, 1, actor), { code: 'conflict' })
      await assert.rejects(replica.dask.scale('nobody', 1, actor), { code: 'not_found' })
    })

    test('one that waits is stopped as well', async (t) => {
      const site = await setUp(t, { limits: { defaultUser: { clusters: 1 } } })
      const replica = await site.open()
      const alice = await site.createUser(replica, 'alice')
      const first = await site.create(replica, alice)
      await site.untilState(replica, first, 'running')
      const second = await site.create(replica, alice)
      const waiting = await until('a reason', site.clock, async () => {
        const cluster = await replica.dask.find(second)
        return cluster?.message?.includes('limit') ? cluster : undefined
      })
      assert.match(waiting.message ?? '', /user alice is 1 clusters at a time/)
      await replica.dask.stop(second, requested)
      await site.untilState(replica, second, 'stopped')
      assert.equal((await replica.dask.find(first))?.state, 'running')
    })

    test('one whose scheduler dies has failed, says why, and takes its workers along', async (t) => {
      const site = await setUpRunning(t)
      const { replica, name } = site
      await replica.dask.scale(name, 2, actor)
      const { schedulerJob } = await site.untilConnected(replica, name, 2)
      site.platform.world.end(buildAttemptKey(schedulerJob, 1), {
        state: 'failed',
        reason: 'out_of_memory',
        message: 'It used more memory than it may.',
      })
      const failed = await site.untilState(replica, name, 'failed')
      assert.equal(failed.reason, 'scheduler_failed')
      assert.equal(failed.message, 'Its scheduler ended. It used more memory than it may.')
      assert.match(failed.logTail ?? '', /waiting/)
      assert.equal(await countActive(replica), 0)
    })

    test('one whose scheduler was shut down from inside has stopped', async (t) => {
      const site = await setUpRunning(t)
      const { replica, name } = site
      const { schedulerJob } = (await replica.dask.find(name)) ?? {}
      site.platform.world.end(buildAttemptKey(schedulerJob ?? '', 1), {
        state: 'succeeded',
        exitCode: 0,
        reason: 'exit_status',
        message: 'It ended well.',
      })
      assert.equal((await site.untilState(replica, name, 'stopped')).reason, 'shut_down')
    })

    test('one that can never have a worker is refused', async (t) => {
      const site = await setUp(t, { limits: { users: { alice: { cpu: 1 } } } })
      const replica = await site.open()
      const alice = await site.createUser(replica, 'alice')
      await assert.rejects(site.create(replica, alice), {
        code: 'quota_exceeded',
        message: /user alice is 1 CPU cores/,
      })
      assert.deepEqual(await replica.jobs.list({}), [])
      assert.deepEqual(await replica.dask.list({}), [])
    })

    test('when their owner is deleted, all of them end', async (t) => {
      const site = await setUpRunning(t)
      const { replica, alice, name } = site
      await replica.dask.scale(name, 2, actor)
      await site.untilConnected(replica, name, 2)
      const bob = await site.createUser(replica, 'bob')
      const other = await site.create(replica, bob)
      await site.untilState(replica, other, 'running')
      await replica.dask.stopAll(alice, actor)
      await replica.store.transaction((tx) => tx.db.deleteFrom('users').where('id', '=', alice.id).execute())
      await until('one job', site.clock, async () => (await countActive(replica)) === 1)
      assert.equal((await replica.dask.find(other))?.state, 'running')
      // Deleted without anybody asked for their end: nothing is wanted of what is left.
      await replica.store.transaction((tx) => tx.db.deleteFrom('users').where('id', '=', bob.id).execute())
      await untilNothingRuns(site, replica)
    })

    test('all end when they are switched off', async (t) => {
      const site = await setUpRunning(t)
      const { replica, name } = site
      await replica.dask.close()
      const next = await site.open({ enabled: false })
      const stopped = await site.untilState(next, name, 'stopped')
      assert.equal(stopped.reason, 'switched_off')
      assert.equal(await countActive(replica), 0)
    })

    test('the next leader goes on wherever the last one was killed', async (t) => {
      const site = await setUp(t)
      const first = await site.open()
      const alice = await site.createUser(first, 'alice')
      const name = await site.create(first, alice)
      await first.dask.scale(name, 3, actor)
      first.kill()
      const second = await site.open()
      await site.untilConnected(second, name, 3)
      await second.dask.stop(name, requested)
      second.kill()
      const third = await site.open()
      await site.untilState(third, name, 'stopped')
      const ends = (await third.jobs.list({})).map(({ state }) => hasEnded(state))
      assert.deepEqual(ends, [true, true, true, true])
    })
  })
}
