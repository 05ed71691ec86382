import { PlatformError } from '@atrium/contract/errors.ts'
import type { Change, StoreTransaction } from '#store/store.ts'
import type { JobKey, JobOwner } from './job.ts'
import { followJobEvents, insertJobEvents, watchJob } from './job-events.ts'
import { type JobLogOptions, readJobLogs } from './job-logs.ts'
import { listPlaces } from './job-queue.ts'
import { createJobReconciler, type JobReconcilerOptions } from './job-reconciler.ts'
import type { Job, JobEvent, JobFilter, JobRequest, JobWait, StopOptions } from './job-record.ts'
import { requestJob, requestJobs, requestStops } from './job-requests.ts'
import { createJobStore } from './job-store.ts'
import { type JobSummary, summariseJobs } from './job-summaries.ts'
import type { OwnerChoices } from './owner-choices.ts'
import type { QuotaLimits, QuotaReader } from './quota.ts'
import { createQuotaLedger } from './quota-ledger.ts'
import type { Capacity, Scheduler, SchedulerCapabilities } from './scheduler.ts'

export type { JobFilter, ReadyProbe, StopOptions } from './job-record.ts'

/**
 * The door to jobs for every feature. A feature writes what it wants, in its own transaction, and returns at once; the reconciler of one
 * replica makes it so, and everybody hears of changes.
 *
 * Life of a job with a `ready` rule: `queued` (waits for quota) → `pending` (the scheduler has it) → `starting` (runs, does not answer
 * yet) → `running` (answers: `endpoint` and `readyAtMs` are set) → `stopping` → `succeeded | failed | cancelled | preempted`.
 * `unknown` may stand in for any of them while the scheduler cannot be asked: keep routes and records then.
 */
export interface Jobs {
  /**
   * Wants a job. Nothing happens before the transaction commits. The same key again answers the job that is there.
   * Throws `quota_exceeded` when it can never fit its owner's, group's or the platform's limits; one that only does not fit now is queued.
   */
  request(tx: StoreTransaction, request: JobRequest): Promise<Job>

  /** As `request`, for many at once, at the cost of few statements. One that can never fit throws, and none is wanted then. */
  requestMany(tx: StoreTransaction, requests: readonly JobRequest[]): Promise<readonly Job[]>

  /**
   * Wants jobs ended. Repeatable. A job still in the queue is `cancelled` at once; others go through `stopping`. Ended and absent ones are left alone.
   */
  requestStop(tx: StoreTransaction, keys: readonly JobKey[], options?: StopOptions): Promise<void>

  /** The job with this key, as last recorded; within a transaction if one is given. */
  find(key: JobKey, tx?: StoreTransaction): Promise<Job | undefined>

  /** The jobs with these keys, by key. */
  findMany(keys: readonly JobKey[], tx?: StoreTransaction): Promise<ReadonlyMap<JobKey, Job>>

  list(filter: JobFilter): Promise<readonly Job[]>

  /** Adds a line of progress, as the feature sees it. */
  addEvent(tx: StoreTransaction, key: JobKey, event: Omit<JobEvent, 'id' | 'atMs'>): Promise<void>

  /** The job's progress from the first line (or after `afterId`), and what comes, until the job has ended or is ready, or `signal` aborts. */
  events(key: JobKey, options: { afterId?: number; signal: AbortSignal }): AsyncIterable<JobEvent>

  /**
   * The output of one start of a job. One that has not started yet is waited for when `follow`. Ends at once, with nothing, for a job whose
   * output is gone.
   */
  logs(key: JobKey, options: JobLogOptions): AsyncIterable<Uint8Array>

  /** The jobs of subjects in few figures, however many they are; subjects without jobs are left out. */
  summarise(subjects: readonly string[], tx?: StoreTransaction): Promise<ReadonlyMap<string, JobSummary>>

  /**
   * Calls `listener` with the keys of jobs that changed, on any replica; `*` among them: any may have. Calls can be too many: read the
   * record again.
   */
  subscribe(listener: (keys: readonly JobKey[]) => void): () => void

  /** The record once `until` holds for it. Throws what `signal` aborts with, and `not_found` when there is no such job. */
  waitFor(key: JobKey, until: (job: Job) => boolean, options: { signal: AbortSignal }): Promise<Job>

  /** The queue in order: each waiting job's place in line and, once there is a pace to guess it from, its estimated start. */
  listPlaces(): Promise<ReadonlyMap<JobKey, JobWait>>

  /** What is held of quotas, for the portal, the API and metrics. */
  readonly quotas: QuotaReader

  /** What a driver can do here. Default: the default driver. */
  capabilities(options: { driver?: string; signal: AbortSignal }): Promise<SchedulerCapabilities>

  /**
   * What a user may ask for in `spec.queue`; undefined where there is nothing to ask for, and `findOwner` is not called then. Throws
   * `scheduler_unavailable`, and what `findOwner` throws.
   */
  choices(
    findOwner: () => Promise<Pick<JobOwner, 'login'>>,
    options: { driver?: string; signal: AbortSignal },
  ): Promise<OwnerChoices | undefined>

  /** Nodes and pools of a driver. */
  capacity(options: { driver?: string; signal: AbortSignal }): Promise<Capacity>

  /** Begins to reconcile whenever this replica holds the lease. */
  start(): void

  /** Stops reconciling and lets go of the lease. Jobs run on. */
  close(): Promise<void>
}

/** What `createJobs` stands on: what the reconciler needs, and policy from config. */
export interface JobsOptions extends Omit<JobReconcilerOptions, 'jobs' | 'ledger'> {
  /** For requests that name no driver. */
  defaultDriver: string
  limits: QuotaLimits
}

/** Opens the door to jobs. Nothing is reconciled before `start`. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, clock, schedulers, defaultDriver } = options
  const jobs = createJobStore(store)
  const ledger = createQuotaLedger(options)
  const requests = { ...options, jobs, ledger, drivers: Object.keys(schedulers) }
  const reconciler = createJobReconciler({ ...options, jobs, ledger })
  const find: Jobs['find'] = async (key, tx) => (await jobs.find([key], tx)).get(key)
  return {
    request: (tx, request) => requestJob(requests, tx, request),
    requestMany: (tx, wanted) => requestJobs(requests, tx, wanted),
    requestStop: (tx, keys, stop) => requestStops(requests, tx, keys, stop),
    find,
    findMany: (keys, tx) => jobs.find(keys, tx),
    list: (filter) => jobs.list(filter),
    async addEvent(tx, key, event) {
      // The lock keeps the lines of one job in the order of their ids, for those who follow them.
      if ((await jobs.lock(tx, [key])).size > 0) await insertJobEvents(tx, clock.now(), [{ key, event }])
    },
    events: (key, following) => followJobEvents({ store, jobs }, key, following),
    logs: (key, reading) => readJobLogs({ store, jobs, schedulers }, key, reading),
    summarise: (subjects, tx) => summariseJobs(tx?.db ?? store.db, subjects),
    subscribe: (listener) => store.onChange((changes) => tell(listener, changes)),
    async waitFor(key, until, { signal }) {
      for await (const job of watchJob({ store, jobs }, key, { signal })) if (until(job)) return job
      throw new PlatformError('internal', { detail: 'watching a job ended by itself' })
    },
    listPlaces: () => listPlaces({ store, clock }),
    quotas: ledger,
    capabilities: ({ driver = defaultDriver, signal }) =>
      getScheduler(schedulers, driver).capabilities({ signal }),
    async choices(findOwner, { driver = defaultDriver, signal }) {
      const scheduler = getScheduler(schedulers, driver)
      return scheduler.choices === undefined ? undefined : scheduler.choices(await findOwner(), { signal })
    },
    capacity: ({ driver = defaultDriver, signal }) => getScheduler(schedulers, driver).capacity({ signal }),
    start: reconciler.start,
    close: reconciler.close,
  }
}

function tell(listener: (keys: readonly JobKey[]) => void, changes: readonly Change[]): void {
  const keys = changes.flatMap(({ topic, key }) => (topic === 'job' ? [key] : []))
  if (keys.length > 0) listener(keys)
}

function getScheduler(schedulers: JobsOptions['schedulers'], driver: string): Scheduler {
  const scheduler = Object.hasOwn(schedulers, driver) ? schedulers[driver] : undefined
  if (scheduler === undefined) {
    throw new PlatformError('bad_request', { message: `There is no scheduler named ${driver}.` })
  }
  return scheduler
}
