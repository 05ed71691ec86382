import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { plenty } from '#scheduler/drivers/memory/memory-nodes.ts'
import { memoryPrograms } from '#scheduler/drivers/memory/memory-programs.ts'
import type { MemoryProgram } from '#scheduler/drivers/memory/memory-run.ts'
import { type TestPlatformOptions, until } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'
import type { ClusterSettings } from './clusters.ts'
import { endWorker } from './testing/pretend-schedulers.ts'
import { createDaskSite, type DaskSite } from './testing.ts'

const actor = { name: 'user:alice' }

interface SiteOptions extends TestPlatformOptions {
  program?: MemoryProgram
  cluster?: Partial<ClusterSettings>
}

const preemptible = { cpu: 1, threads: 1, memoryBytes: 2 ** 30, gpu: 0, preemptible: true }

/** A scheduler that runs, and workers that end at once. */
const breaking: MemoryProgram = (process) => {
  if (process.spec.kind === 'dask-worker') memoryPrograms.fail({ ...process, args: ['3'] })
  else memoryPrograms.wait(process)
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext, options: SiteOptions = {}) => {
    const site = await createDaskSite(kind, options)
    t.after(site.platform.dispose)
    const replica = await site.open()
    const alice = await site.createUser(replica, 'alice')
    const name = await site.create(replica, alice, options.cluster)
    await site.untilState(replica, name, 'running')
    return { ...site, replica, alice, name }
  }
  const countStarts = ({ platform }: DaskSite) =>
    platform.world.listRuns().filter(({ spec }) => spec.kind === 'dask-worker').length

  describe(`workers of Dask clusters on ${kind.kind}`, () => {
    test('as many are started as were asked for, and the scheduler is told', async (t) => {
      const site = await setUp(t)
      const { replica, name } = site
      assert.deepEqual(await replica.dask.scale(name, 3, actor), { workers: 3 })
      const { workers } = await site.untilConnected(replica, name, 3)
      assert.deepEqual(workers, { wanted: 3, running: 3, waiting: 0, limit: 1000 })
      assert.deepEqual(await site.wishes(replica, name), [{ op: 'scale', count: 3 }])
      const [worker] = await replica.dask.workers(name)
      assert.equal(worker?.state, 'running')
      const job = await replica.jobs.find(worker?.job ?? '')
      assert.match(
        job?.spec.command.join(' ') ?? '',
        /dask_worker --scheduler tls:\/\/127\.0\.0\.1:\d+ --name /,
      )
    })

    test('a wish before the scheduler runs is kept', async (t) => {
      const site = await createDaskSite(kind)
      t.after(site.platform.dispose)
      const replica = await site.open()
      const name = await site.create(replica, await site.createUser(replica, 'alice'))
      await replica.dask.scale(name, 2, actor)
      await site.untilConnected(replica, name, 2)
    })

    test('of fewer, those that wait go first, and the scheduler chooses among those it has', async (t) => {
      const site = await setUp(t, { limits: { defaultUser: { workers: 3 } } })
      const { replica, name } = site
      await replica.dask.scale(name, 3, actor)
      await site.untilConnected(replica, name, 3)
      await replica.dask.scale(name, 1, actor)
      await until(
        'the wish to be told',
        site.clock,
        async () => (await site.wishes(replica, name)).length === 2,
      )
      assert.equal(site.running().length, 3)
      const chosen = site.running()[0]
      await site.untilConnected(replica, name, 1)
      await until('one worker', site.clock, () => site.running().length === 1)
      assert.deepEqual(site.running(), [chosen])
      assert.equal(countStarts(site), 3)
    })

    test('of fewer, those in a queue go before any is started', async (t) => {
      const site = await setUp(t, { world: { nodes: [{ ...plenty, cpu: 3 }] } })
      const { replica, name } = site
      await replica.dask.scale(name, 6, actor)
      await site.untilConnected(replica, name, 2)
      await replica.dask.scale(name, 2, actor)
      await until('no worker to wait', site.clock, async () => {
        return (await replica.dask.find(name))?.workers.waiting === 0
      })
      assert.equal((await site.untilConnected(replica, name, 2)).workers.running, 2)
    })

    test('adapting, the scheduler says how many, within what was asked for', async (t) => {
      const site = await setUp(t)
      const { replica, name } = site
      const bounds = { minimum: 1, maximum: 4, active: true }
      assert.deepEqual(await replica.dask.adapt(name, bounds, actor), { minimum: 1, maximum: 4 })
      await until(
        'the wish to be told',
        site.clock,
        async () => (await site.wishes(replica, name)).length === 1,
      )
      assert.deepEqual(await site.wishes(replica, name), [
        { op: 'adapt', minimum: 1, maximum: 4, active: true },
      ])
      await site.beat(replica, name, 3)
      assert.deepEqual((await site.untilConnected(replica, name, 3)).adapt, { minimum: 1, maximum: 4 })
      await site.beat(replica, name, 50)
      await site.untilConnected(replica, name, 4)
      await site.beat(replica, name, 1)
      await site.untilConnected(replica, name, 1)
      await replica.dask.adapt(name, { minimum: null, maximum: null, active: false }, actor)
      await site.beat(replica, name, 4)
      const fixed = await site.untilConnected(replica, name, 1)
      assert.equal(fixed.adapt, undefined)
      assert.equal(fixed.workers.wanted, 1)
    })

    test('more than the limit is cut, in the words of Dask Gateway', async (t) => {
      const site = await setUp(t, { limits: { defaultUser: { cpu: 6 } } })
      const { replica, name } = site
      const { dask } = replica
      assert.equal((await dask.find(name))?.workers.limit, 5)
      assert.deepEqual(await dask.scale(name, 10_000, actor), {
        workers: 5,
        message:
          'Scale request of 10000 workers would exceed resource limit of 5 workers. Scaling to 5 instead.',
      })
      assert.deepEqual(await dask.adapt(name, { minimum: 0, maximum: 10_000, active: true }, actor), {
        minimum: 0,
        maximum: 5,
        message:
          'Adapt with `maximum=10000, minimum=0` workers would exceed resource limit of 5 workers. Using `maximum=5, minimum=0` instead.',
      })
      assert.deepEqual(await dask.adapt(name, { minimum: null, maximum: null, active: true }, actor), {
        minimum: 0,
        maximum: 5,
      })
      await site.beat(replica, name, 10_000)
      await site.untilConnected(replica, name, 5)
    })

    test('one beyond what is free now waits, and starts when there is room', async (t) => {
      const site = await setUp(t, { limits: { platform: { workers: 4 } } })
      const { replica, name } = site
      await replica.dask.scale(name, 3, actor)
      await site.untilConnected(replica, name, 3)
      const bob = await site.createUser(replica, 'bob')
      const other = await site.create(replica, bob)
      await site.untilState(replica, other, 'running')
      await replica.dask.scale(other, 3, actor)
      const { workers, message } = await until('a reason, and the one that fits', site.clock, async () => {
        await site.beat(replica, other)
        const cluster = await replica.dask.find(other)
        return cluster?.message === undefined || cluster.workers.running === 0 ? undefined : cluster
      })
      assert.deepEqual(workers, { wanted: 3, running: 1, waiting: 2, limit: 4 })
      assert.equal(message, 'In the queue. The limit of the platform is 4 workers at a time.')
      await replica.dask.stop(name, { actor, reason: 'requested' })
      await site.untilConnected(replica, other, 3)
    })

    test('a lost one is replaced', async (t) => {
      const site = await setUp(t)
      const { replica, name, platform, clock } = site
      await replica.dask.scale(name, 2, actor)
      await site.untilConnected(replica, name, 2)
      const [lost = '', kept = ''] = site.running()
      endWorker(platform, lost, 137)
      await until('another', clock, () => site.running().length === 2)
      assert.ok(site.running().includes(kept))
      assert.match((await replica.dask.find(name))?.message ?? '', /ended and is replaced.*status 137/)
      await site.untilConnected(replica, name, 2)
      assert.equal(countStarts(site), 3)
      await until(
        'no more trouble',
        clock,
        async () => (await replica.dask.find(name))?.message === undefined,
      )
    })

    test('one that left its scheduler is ended and replaced', async (t) => {
      const site = await setUp(t)
      const { replica, name } = site
      await replica.dask.scale(name, 1, actor)
      await site.untilConnected(replica, name, 1)
      const [left = ''] = site.running()
      const report = { count: 1, activeWorkers: [], closingWorkers: [], closedWorkers: [left] }
      await replica.dask.heartbeat(name, report)
      await until('another', site.clock, () => site.running().some((worker) => worker !== left))
      await until('its end', site.clock, () => !site.running().includes(left))
    })

    test('the end of one that the scheduler closes is no loss', async (t) => {
      const site = await setUp(t)
      const { replica, name } = site
      await replica.dask.adapt(name, { minimum: 0, maximum: 9, active: true }, actor)
      await until(
        'the wish to be told',
        site.clock,
        async () => (await site.wishes(replica, name)).length === 1,
      )
      await site.beat(replica, name, 2)
      await site.untilConnected(replica, name, 2)
      await site.beat(replica, name, 0)
      await site.untilConnected(replica, name, 0)
      await site.clock.advance(120_000)
      assert.equal(countStarts(site), 2)
      assert.deepEqual(
        (await replica.dask.workers(name)).map(({ state }) => state),
        ['ended', 'ended'],
      )
    })

    test('those that break at once are tried a few times, and the cluster fails with the reason', async (t) => {
      const site = await setUp(t, { program: breaking })
      const { replica, name } = site
      await replica.dask.scale(name, 3, actor)
      const failed = await site.untilState(replica, name, 'failed')
      assert.equal(failed.reason, 'workers_failed')
      assert.match(failed.message ?? '', /end before they are connected.*status 3/)
      assert.ok(countStarts(site) <= 15, `${countStarts(site)} starts`)
      assert.equal((await replica.jobs.list({ active: true })).length, 0)
    })

    test('those that break again and again are replaced later and later', async (t) => {
      const site = await setUp(t)
      const { replica, name, platform, clock } = site
      await replica.dask.scale(name, 1, actor)
      await site.untilConnected(replica, name, 1)
      const pauses: number[] = []
      for (let index = 0; index < 5; index++) {
        const brokeAtMs = clock.now()
        endWorker(platform, site.running()[0] ?? '', 1)
        await until('its end', clock, () => site.running().length === 0)
        await until('another', clock, () => site.running().length === 1)
        pauses.push(clock.now() - brokeAtMs)
      }
      assert.ok((pauses[0] ?? 0) < 4000 && (pauses[4] ?? 0) >= 8000, pauses.join())
      // Whoever asks for workers does not wait.
      endWorker(platform, site.running()[0] ?? '', 1)
      await until('its end', clock, () => site.running().length === 0)
      await replica.dask.scale(name, 2, actor)
      const askedAtMs = clock.now()
      await until('two', clock, () => site.running().length === 2)
      assert.ok(clock.now() - askedAtMs < 8000)
    })

    test('preempted ones are replaced however often that happens', async (t) => {
      const site = await setUp(t, { cluster: { worker: preemptible } })
      const { replica, name, platform, clock } = site
      await replica.dask.scale(name, 1, actor)
      for (let index = 0; index < 8; index++) {
        const [run] = await until('a worker', clock, () => {
          const runs = platform.world.listRuns()
          const found = runs.filter(({ spec, state }) => spec.kind === 'dask-worker' && state === 'running')
          return found.length === 1 ? found : undefined
        })
        assert.equal(run?.spec.preemptible, true)
        platform.world.preempt(run?.spec.key ?? '')
      }
      await site.untilConnected(replica, name, 1)
      assert.equal((await replica.dask.find(name))?.state, 'running')
    })

    test('one user’s ten thousand leave another user’s first its turn', async (t) => {
      const site = await setUp(t, { limits: { platform: { workers: 8 } } })
      const { replica, name } = site
      const large = await site.create(replica, await site.createUser(replica, 'bob'))
      await site.untilState(replica, large, 'running')
      const scaling = await replica.dask.scale(large, 10_000, actor)
      assert.equal(scaling.workers, 8)
      await site.untilConnected(replica, large, 8)
      await replica.dask.scale(name, 1, actor)
      await until('the queue', site.clock, async () => (await replica.dask.find(name))?.workers.waiting === 1)
      endWorker(site.platform, site.running()[0] ?? '', 1)
      await site.untilConnected(replica, name, 1)
    })
  })
}
