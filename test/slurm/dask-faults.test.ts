import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import { type SlurmCluster, startSlurmCluster } from './cluster.ts'
import { areRunning, type DaskSite, schedulerJob, startDaskSite, workersOf } from './dask-site.ts'
import { findMissing } from './requirements.ts'

const patience = { deadlineMs: 180_000, everyMs: 200 }
/** What `gather` gives. */
const total = (60 * 59) / 2

describe('faults of Dask on a Slurm cluster', { skip: findMissing() ?? false }, () => {
  let slurm: SlurmCluster
  let dask: DaskSite
  let name: string

  before(async () => {
    // A cluster of its own: its hosts are switched off.
    slurm = await startSlurmCluster({ name: 'daskfaults', extraLines: ['SlurmdTimeout=10'] })
    dask = await startDaskSite(slurm)
    await dask.kernel.run(`
import os, socket, time
from dask_gateway import Gateway
gateway = Gateway()
# dask-gateway's objects block their own loop when they are collected.
kept = []
def slow(n):
    time.sleep(0.5)
    return n
answer(None)`)
  })
  after(async () => {
    await dask?.dispose()
    await slurm?.stop()
  })
  /** A cluster with two workers, in the middle of a computation of fifteen seconds. */
  beforeEach(async () => {
    name = await dask.kernel.run(`
cluster = gateway.new_cluster()
client = cluster.get_client()
kept.append((cluster, client))
cluster.scale(2)
client.wait_for_workers(2, timeout=120)
work = client.map(slow, range(60), pure=False, retries=5)
answer(cluster.name)`)
  })

  const run = <T>(code: string) => dask.kernel.run<T>(code)
  const gather = () => run<number>('answer(sum(client.gather(work)))')
  const untilGone = () => dask.untilJobs('no job of Dask', (jobs) => jobs.length === 0, patience.deadlineMs)
  /** Explicitly, also what is lost: dask-gateway's objects block their own loop when they are collected before they were closed. */
  const stop = async (...clusters: readonly string[]) => {
    await run(`
for each in [${['cluster', ...clusters].join(', ')}]: each.shutdown()
answer(None)`)
    await untilGone()
  }

  test('a node is lost: its workers are replaced on others, and the result is right', async () => {
    const jobs = await dask.listDaskJobs()
    const kept = new Set([
      (await run<string>('answer(socket.gethostname())')).trim(),
      jobs.find((job) => job.name === schedulerJob)?.node,
    ])
    const lost = workersOf(jobs).find(({ node }) => !kept.has(node))
    assert.ok(lost, JSON.stringify(jobs))
    await slurm.node(lost.node).powerOff()
    try {
      await dask.untilJobs(
        'two workers elsewhere',
        (each) => areRunning(each, 2) && workersOf(each).every(({ node }) => node !== lost.node),
        patience.deadlineMs,
      )
      assert.equal(await gather(), total)
      await stop()
    } finally {
      await slurm.node(lost.node).powerOn()
      const env = { SLURM_CONF: slurm.env.SLURM_CONF }
      await runProgram('scontrol', ['update', `nodename=${lost.node}`, 'state=resume'], { env }).catch(
        () => {},
      )
    }
  })

  test('the control plane is killed: the computation goes on, the cluster is known again and is looked after', async () => {
    await dask.site.platform.kill()
    assert.equal(await gather(), total)
    const before = await dask.listDaskJobs()
    const victim = workersOf(before)[0]
    assert.ok(victim)
    await slurm.as('alice', 'scancel', [victim.id])
    await dask.site.platform.startAgain()
    await dask.untilJobs(
      'another worker for the one that was lost meanwhile',
      (jobs) => areRunning(jobs, 2) && workersOf(jobs).every(({ id }) => id !== victim.id),
    )
    assert.equal(await run('answer(client.submit(pow, 2, 10, pure=False).result())'), 1024)
    await stop()
  })

  test('the edge is killed: the result is right or the error is clear, and the cluster is there', async () => {
    const info = JSON.parse(readFileSync(join(dask.site.platform.data, 'platform.json'), 'utf8')) as {
      pids: Record<string, number>
    }
    const [edge] = Object.entries(info.pids).flatMap(([process, pid]) => (process === 'edge' ? [pid] : []))
    assert.ok(edge)
    process.kill(edge, 'SIGKILL')
    await waitFor(
      'another edge',
      () =>
        dask.kernel.reconnect().then(
          () => true,
          () => false,
        ),
      patience,
    )
    const outcome = await run<[string, unknown]>(`
try: outcome = ["result", sum(client.gather(work))]
except BaseException as error: outcome = ["error", type(error).__name__ + ": " + str(error)]
answer(outcome)`)
    if (outcome[0] === 'result') assert.equal(outcome[1], total)
    else assert.match(String(outcome[1]), /Cancelled|CommClosed|connection|lost/i)
    assert.equal(
      await run(`
other = gateway.connect(${JSON.stringify(name)})
again = other.get_client()
kept.append((other, again))
answer(sum(again.gather(again.map(slow, range(10), pure=False))))`),
      45,
    )
    await stop('other')
  })

  test('the scheduler is killed: the client hears of it, the platform says why, and no job is left', async () => {
    const { host, pid } = await run<{ host: string; pid: number }>(
      'answer(client.run_on_scheduler(lambda: {"host": socket.gethostname(), "pid": os.getpid()}))',
    )
    await slurm.node(host).run('kill', ['-KILL', String(pid)])
    const error = await run<string>(`
try: outcome = str(sum(client.gather(work)))
except BaseException as error: outcome = type(error).__name__ + ": " + str(error)
answer(outcome)`)
    assert.match(error, /Cancelled|CommClosed|closed|connection|lost/i)
    await untilGone()
    const message = await waitFor(
      'the cluster to have failed',
      async () => {
        const cluster = await dask.findCluster(name)
        return cluster.state === 'failed' ? (cluster.message ?? '') : undefined
      },
      patience,
    )
    assert.match(message, /scheduler/i)
    await stop()
  })

  test('scheduler and control plane are killed together: no job is left once it runs again', async () => {
    const { host, pid } = await run<{ host: string; pid: number }>(
      'answer(client.run_on_scheduler(lambda: {"host": socket.gethostname(), "pid": os.getpid()}))',
    )
    await dask.site.platform.kill()
    await slurm.node(host).run('kill', ['-KILL', String(pid)])
    await dask.site.platform.startAgain()
    await untilGone()
    const state = async () => (await dask.findCluster(name)).state
    await waitFor('the cluster to have failed', async () => (await state()) === 'failed', patience)
    await stop()
  })
})
