import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunDetail, RunDetailQuery, RunRequest, RunView } from '@atrium/contract/runs-api.ts'

import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Logger } from '#platform/log.ts'
import { parseJobEnvironment } from '#scheduler/job-environment.ts'
import type { Job } from '#scheduler/job-record.ts'
import { createLeadership } from '#store/leadership.ts'
import { createPlaces, type Places } from './places.ts'
import { planWish, type RunWish, writeRun } from './run-creation.ts'
import { findRunKey, listRunJobs, listRunKeys } from './run-jobs.ts'
import { isOver, readProgress } from './run-progress.ts'
import { findRuns, listRuns, type RunFilter, type RunRecord } from './run-records.ts'
import { createRunSettlement } from './run-settlement.ts'
import { buildRunJobView, buildRunView } from './run-view.ts'
import type { ScheduleFiringOptions } from './schedule-firing.ts'
import { createScheduleTimer } from './schedule-timer.ts'
import { createSchedules, type Schedules } from './schedules.ts'

export type { RunWish } from './run-creation.ts'
export type { RunSettings } from './run-plan.ts'
export type { RunFilter, RunRecord } from './run-records.ts'

/** Programs that people run as jobs: one job, several tasks of one job, or an array of jobs. */
export interface Runs {
  /**
   * Writes down what is wanted, all of it in one transaction, and answers the run's id. Throws `bad_request` with what to change, `forbidden`
   * for a profile or account that is not for its owner, `quota_exceeded` when it can never fit, `conflict` when the home is somebody else's.
   */
  create(wish: RunWish): Promise<number>
  /** Starts the same once more, by today's profiles and quotas; answers the new run's id. Throws as `create` does. */
  repeat(run: RunRecord, wish: Pick<RunWish, 'owner' | 'actor'>): Promise<number>
  find(id: number): Promise<RunRecord | undefined>
  /** Newest first. */
  list(filter: RunFilter): Promise<readonly RunView[]>
  /** A run with some of its jobs. Throws `not_found` when it is gone. */
  show(id: number, query?: RunDetailQuery): Promise<RunDetail>
  /** The job with this number of the run's array, or its only one; undefined when there is none or its record is gone. */
  findJob(run: RunRecord, index?: number): Promise<Job | undefined>
  /** Ends what has not ended. Repeatable. */
  cancel(run: RunRecord, actor: Actor): Promise<void>
  /** Ends all that somebody runs. */
  cancelAll(user: Pick<User, 'id'>, actor: Actor): Promise<void>
  /** The same by the clock. */
  readonly schedules: Schedules
  /** Begins to do, whenever this replica leads, what only one may do. */
  start(): void
  /** Jobs go on. */
  close(): Promise<void>
}

export interface RunsOptions extends ScheduleFiringOptions {
  log: Logger
  /** Unique name of this replica. */
  replica: string
  /** How long a leader that died keeps others waiting. Default 5,000. */
  leaseMs?: number
}

const leaseName = 'runs'
const defaultLeaseMs = 5000
const cancelledAtOnce = 100

/** See `Runs`. */
export function createRuns(options: RunsOptions): Runs {
  const { store, jobs, leaseMs = defaultLeaseMs } = options
  const places = createPlaces(options)
  const parts = [createRunSettlement(options), createScheduleTimer(options)]
  const leadership = createLeadership({ ...options, name: leaseName, leaseMs, parts })
  const create = async (wish: RunWish) => {
    const plan = await planWish(options, wish)
    return store.transaction((tx) => writeRun(tx, options, wish, plan))
  }
  return {
    create,
    repeat(run, wish) {
      const request = JSON.parse(options.box.open(run.request)) as RunRequest
      return create({ ...wish, request, serverEnvironment: parseJobEnvironment(run.prefix) })
    },
    find: async (id) => (await findRuns(store.db, [id]))[0],
    list: (filter) => listViews(options, filter),
    show: (id, query = {}) => showRun(options, places, id, query),
    async findJob(run, index) {
      const key = findRunKey(run, index)
      return key === undefined ? undefined : jobs.find(key)
    },
    cancel: (run, actor) => cancelRun(options, run, actor),
    async cancelAll(user, actor) {
      for (let before: number | undefined; ; ) {
        const filter = { userId: user.id, active: true, limit: cancelledAtOnce }
        const runs = await listRuns(store.db, { ...filter, ...(before === undefined ? {} : { before }) })
        for (const run of runs) await cancelRun(options, run, actor)
        before = runs.at(-1)?.id
        if (before === undefined) return
      }
    },
    schedules: createSchedules(options),
    start: () => leadership.start(),
    close: () => leadership.close(),
  }
}

async function listViews({ store, jobs }: RunsOptions, filter: RunFilter): Promise<readonly RunView[]> {
  const runs = await listRuns(store.db, filter)
  const progress = await readProgress(jobs, runs)
  return runs.flatMap((run) => {
    const its = progress.get(run.id)
    return its === undefined ? [] : [buildRunView(run, its)]
  })
}

async function showRun(
  { store, jobs }: RunsOptions,
  places: Places,
  id: number,
  query: RunDetailQuery,
): Promise<RunDetail> {
  const [run] = await findRuns(store.db, [id])
  const progress = run === undefined ? undefined : (await readProgress(jobs, [run])).get(id)
  if (run === undefined || progress === undefined) {
    throw new PlatformError('not_found', { message: `There is no run ${id}.` })
  }
  const page = await listRunJobs(jobs, run, query)
  const isInLine = run.array === null && progress.state === 'queued'
  const view = buildRunView(run, progress, isInLine ? await places.find(run.jobKey) : undefined)
  return {
    ...view,
    jobList: page.jobs.map((job) => buildRunJobView(run, job)),
    ...(page.next === undefined ? {} : { next: page.next }),
  }
}

async function cancelRun({ store, jobs, clock }: RunsOptions, run: RunRecord, actor: Actor): Promise<void> {
  const progress = (await readProgress(jobs, [run])).get(run.id)
  if (progress === undefined || isOver(progress)) return
  const who = actor.name.replace(/^user:/, '')
  await store.transaction(async (tx) => {
    await jobs.requestStop(tx, listRunKeys(run), { reason: 'cancelled', message: `Cancelled by ${who}.` })
    await recordAudit(tx, clock, { actor, action: 'run.cancel', target: `run:${run.id}` })
    tx.changed('run', String(run.id))
  })
}
