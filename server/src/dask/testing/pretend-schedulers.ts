import type { SchedulerWish, TellScheduler } from '#dask/scheduler-comm.ts'
import type { DaskReplica, DaskSite } from '#dask/testing.ts'
import type { TestPlatform } from '#scheduler/testing.ts'

/** What `dask_gateway.scheduler_preload` keeps of a cluster, as far as the platform sees it. */
interface PretendScheduler {
  count: number
  wishes: SchedulerWish[]
  seen: Set<string>
}

/** Plays all schedulers of a pretend cluster. */
export function createPretendSchedulers(
  platform: TestPlatform,
): Pick<DaskSite, 'beat' | 'wishes' | 'running'> & { tell: TellScheduler } {
  const schedulers = new Map<number | undefined, PretendScheduler>()
  const find = (port: number | undefined) => {
    const one = schedulers.get(port) ?? { count: 0, wishes: [], seen: new Set() }
    schedulers.set(port, one)
    return one
  }
  const findOf = async ({ dask, jobs }: DaskReplica, name: string) => {
    const job = await jobs.find((await dask.find(name))?.schedulerJob ?? '')
    return find(job?.endpoint?.ports['api'])
  }
  const running = () =>
    platform.world
      .listRuns()
      .filter(({ spec, state }) => spec.kind === 'dask-worker' && state === 'running')
      .map(({ spec }) => readName(spec.command))
  return {
    running,
    wishes: async (replica, name) => (await findOf(replica, name)).wishes,
    async tell({ ports }, wish) {
      const scheduler = find(ports['api'])
      scheduler.wishes.push(wish)
      if (wish.op === 'scale') scheduler.count = wish.count
    },
    async beat(replica, name, count) {
      const scheduler = await findOf(replica, name)
      if (count !== undefined) scheduler.count = count
      const mine = new Set((await replica.dask.workers(name)).map((worker) => worker.name))
      const connected = running().filter((worker) => mine.has(worker))
      for (const worker of connected) scheduler.seen.add(worker)
      const closing = connected.slice(scheduler.count)
      await replica.dask.heartbeat(name, {
        count: scheduler.count,
        activeWorkers: connected.slice(0, scheduler.count),
        closingWorkers: closing,
        closedWorkers: [...scheduler.seen].filter((worker) => !connected.includes(worker)),
      })
      for (const worker of closing) endWorker(platform, worker, 0)
    },
  }
}

/** Ends a worker's process with this status. */
export function endWorker({ world }: TestPlatform, name: string, exitCode: number): void {
  const run = world.listRuns().find(({ spec }) => readName(spec.command) === name)
  if (run === undefined) throw new Error(`there is no worker ${name}`)
  world.end(run.spec.key, {
    state: exitCode === 0 ? 'succeeded' : 'failed',
    exitCode,
    reason: 'exit_status',
    message: exitCode === 0 ? 'It ended well.' : `It exited with status ${exitCode}.`,
  })
}

function readName(command: readonly string[]): string {
  return command[command.indexOf('--name') + 1] ?? ''
}
