import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { PlatformError } from '@atrium/contract/errors.ts'
import { createFakeClock } from '@atrium/server/platform/fake-clock.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { SlurmClient } from '@atrium/server/scheduler/drivers/slurm/slurm-client.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import { type SlurmCluster, startSlurmCluster } from './cluster.ts'
import type { DriverSiteOptions } from './driver-site.ts'
import { ask, createJobsSite, type JobsSite, program, server } from './jobs-site.ts'
import { findMissing } from './requirements.ts'

const outageMs = 60_000

describe('faults of a Slurm cluster', { skip: findMissing() ?? false }, () => {
  let cluster: SlurmCluster
  let site: JobsSite | undefined

  before(async () => {
    // A cluster of its own: it is maltreated.
    cluster = await startSlurmCluster({ name: 'faults', minJobAge: 2, extraLines: ['SlurmdTimeout=10'] })
  })
  after(() => cluster?.stop())
  afterEach(async () => {
    for (const name of ['slurmctld', 'slurmdbd'] as const) await cluster.daemon(name).start()
    await site?.dispose()
    site = undefined
  })

  const open = async (options?: DriverSiteOptions & { clock?: ReturnType<typeof createFakeClock> }) => {
    site = await createJobsSite(cluster, options)
    return site
  }
  const manage = (...args: string[]) =>
    runProgram('scontrol', args, { env: { SLURM_CONF: cluster.env.SLURM_CONF } })
  /** Slurm's ids of the site's jobs that have not ended. */
  const countJobs = async (of: JobsSite) => {
    const jobs = await of.driver.client.listJobs({ signal: AbortSignal.timeout(10_000) })
    return jobs.filter(({ states }) => ['PENDING', 'RUNNING'].includes(states[0])).length
  }

  test('slurmctld is gone for a minute: servers answer all the time, nothing is doubled, what waits runs after', async () => {
    const { request, until, jobs, stop } = await open()
    const key = await request(server.command, server.request)
    const running = await until(key, 'running')
    await cluster.daemon('slurmctld').stop()
    const end = performance.now() + outageMs
    const unknown = await until(key, 'unknown')
    assert.match(unknown.message ?? '', /does not answer/)
    const late = await request(program('succeed'))
    while (performance.now() < end) {
      assert.equal(await ask(running), 'hello')
      const seen = await jobs.find(key)
      assert.equal(seen?.state, 'unknown')
      assert.deepEqual(seen.endpoint, running.endpoint)
      await sleep(1000)
    }
    assert.equal((await jobs.find(late))?.state, 'pending')
    await cluster.daemon('slurmctld').start()
    const again = await until(key, 'running')
    assert.deepEqual(again.endpoint, running.endpoint)
    assert.equal(again.attempts, 1)
    assert.equal(await ask(again), 'hello')
    assert.equal((await until(late, 'succeeded')).attempts, 1)
    assert.equal(await countJobs(await current()), 1)
    await stop(key)
    await until(key, 'cancelled')
  })

  test('slurmctld hangs: the same', async () => {
    const { request, until } = await open()
    const key = await request(server.command, server.request)
    const running = await until(key, 'running')
    cluster.daemon('slurmctld').pause()
    try {
      await until(key, 'unknown')
      assert.equal(await ask(running), 'hello')
    } finally {
      cluster.daemon('slurmctld').resume()
    }
    await until(key, 'running')
    assert.equal(await countJobs(await current()), 1)
  })

  test('slurmdbd is down: jobs start and end, also when they have left the queue before anybody looked', async () => {
    await cluster.daemon('slurmdbd').stop()
    let isBlind = false
    const { request, until } = await open({
      // The queue as it is once Slurm has dropped ended jobs from it.
      wrapClient: (client) => ({
        ...client,
        listJobs: async (options) => {
          const jobs = await client.listJobs(options)
          return isBlind ? jobs.filter(({ states }) => ['PENDING', 'RUNNING'].includes(states[0])) : jobs
        },
      }),
    })
    const well = await request(program('succeed'))
    assert.equal((await until(well, 'succeeded')).exitCode, 0)
    isBlind = true
    const badly = await request(program('fail', '7'))
    assert.equal((await until(badly, 'failed')).exitCode, 7)
  })

  test('a node is lost: its jobs end with that reason, and those that may are queued again elsewhere', async () => {
    const { request, until, jobs } = await open()
    const resources = { exclusive: true }
    const fragile = await request(program('wait'), { spec: { resources } })
    const lost = await until(fragile, 'running')
    assert.ok(lost.node)
    const host = cluster.node(lost.node)
    try {
      const sturdy = await request(server.command, {
        ...server.request,
        policy: { ...server.request.policy, requeue: true },
        spec: { ...server.request.spec, resources },
      })
      const before = await until(sturdy, 'running')
      assert.ok(before.node)
      const other = cluster.node(before.node)
      await host.powerOff()
      await other.powerOff()
      const failed = await until(fragile, 'failed')
      assert.equal(failed.reason, 'node_lost')
      assert.match(failed.message ?? '', new RegExp(`lost \\(${lost.node}\\)`))
      const again = await waitFor(
        'the server on another node',
        async () => {
          const job = await jobs.find(sturdy)
          return job?.state === 'running' && job.attempts === 2 ? job : undefined
        },
        { deadlineMs: 60_000 },
      )
      assert.ok(again.node !== before.node && again.node !== lost.node)
      assert.equal(await ask(again), 'hello')
    } finally {
      for (const name of ['n1', 'n2', 'n3']) {
        await cluster.node(name).powerOn()
        await manage('update', `nodename=${name}`, 'state=resume').catch(() => {})
      }
    }
  })

  test('a job that somebody cancels or kills outside is seen to have ended, and how', async () => {
    const { request, until, jobs } = await open()
    const cancelled = await request(program('wait'))
    const killed = await request(server.command, server.request)
    await until(cancelled, 'running')
    const { node } = await until(killed, 'running')
    const { placements } = (await current()).driver
    const attempt = `${cancelled}-1`
    const ref = (await placements.read([attempt])).get(attempt)?.ref
    await cluster.as('alice', 'scancel', [ref ?? ''])
    const end = await until(cancelled, 'cancelled', 'failed')
    assert.deepEqual([end.state, end.message], ['cancelled', 'It was cancelled in Slurm.'])
    assert.ok(node)
    await cluster.node(node).run('pkill', ['-KILL', '-u', 'alice', '-f', 'ThreadingHTTPServer'])
    const gone = await until(killed, 'failed')
    assert.equal(gone.exitSignal, 'SIGKILL')
    assert.equal((await jobs.find(killed))?.reason, 'exit_status')
  })

  test('a job that dies before its server is up says why, with its last lines', async () => {
    const { request, until } = await open()
    const key = await request(program('fail', '3'), server.request)
    const failed = await until(key, 'failed')
    assert.match(failed.message ?? '', /exit status 3/)
    assert.match(failed.logTail ?? '', /about to fail/)
  })

  test('a submission whose answer is lost is found again, not repeated', async () => {
    let isLost = true
    const { request, until } = await open({
      wrapClient: (client) => ({
        ...client,
        async submit(...args) {
          const id = await client.submit(...args)
          if (!isLost) return id
          isLost = false
          throw new PlatformError('scheduler_unavailable', { message: 'the answer was lost' })
        },
      }),
    })
    const key = await request(server.command, server.request)
    assert.equal((await until(key, 'running')).attempts, 1)
    assert.equal(await countJobs(await current()), 1)
  })

  test('a submission that arrives late, after it was repeated, never runs beside the other', async () => {
    const submitTwice = createLateSubmission()
    const { request, until, driver } = await open({ wrapClient: submitTwice.wrap })
    const file = join(driver.workingDirectory, 'starts')
    const script = 'echo started >>"$0"; exec sleep 1000'
    const key = await request(['/bin/sh', '-c', script, file])
    await until(key, 'running')
    await submitTwice.arriveLate()
    await waitFor('the second to be gone', async () => (await countJobs(await current())) === 1, {
      deadlineMs: 30_000,
    })
    assert.equal(readFileSync(file, 'utf8'), 'started\n')
    assert.equal((await until(key, 'running')).attempts, 1)
  })

  test('an hour in the queue is no failure; what was held back runs when it may', async () => {
    const clock = createFakeClock(Date.now())
    const { request, jobs, driver } = await open({ clock })
    await manage('update', 'partitionname=main', 'state=down')
    try {
      const key = await request(program('succeed'))
      const advanceUntil = (what: string, state: string) =>
        waitFor(
          what,
          async () => {
            await clock.advance(500)
            const job = await jobs.find(key)
            return job?.state === state ? job : undefined
          },
          { deadlineMs: 60_000 },
        )
      const pending = await waitFor('the reason', async () => {
        const job = await advanceUntil('it to be pending', 'pending')
        return /partition/.test(job.message ?? '') ? job : undefined
      })
      assert.match(pending.message ?? '', /partition is closed/)
      await clock.advance(3_600_000)
      const still = await advanceUntil('it to wait still', 'pending')
      assert.equal(still.attempts, 1)
      await manage('update', 'partitionname=main', 'state=up')
      await advanceUntil('it to have run', 'succeeded')
      assert.equal((await driver.scheduler.list({ signal: AbortSignal.timeout(10_000) })).length, 0)
    } finally {
      await manage('update', 'partitionname=main', 'state=up')
    }
  })

  async function current(): Promise<JobsSite> {
    assert.ok(site)
    return site
  }
})

/** Keeps the first submission back, as a network does, until it is let go; who asked hears of a failure. */
function createLateSubmission() {
  let late: (() => Promise<unknown>) | undefined
  return {
    wrap: (client: SlurmClient): SlurmClient => ({
      ...client,
      async submit(submission, options) {
        if (late !== undefined) return client.submit(submission, options)
        late = () => client.submit(submission, { signal: AbortSignal.timeout(10_000) })
        throw new PlatformError('scheduler_unavailable', { message: 'the connection broke' })
      },
    }),
    async arriveLate() {
      assert.ok(late)
      await late()
    },
  }
}
