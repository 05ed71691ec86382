import { isPlatformError } from '@atrium/contract/errors.ts'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { ReadyProbe } from '#scheduler/job-record.ts'
import type { JobStore } from '#scheduler/job-store.ts'
import type { QuotaLedger } from '#scheduler/quota-ledger.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import type { Change, Lease, Store } from '#store/store.ts'
import { admitJobs } from './admit-jobs.ts'
import { createBackoff } from './backoff.ts'
import type { ReachCrashPoint } from './crash-points.ts'
import { type DriverLane, startDriverLane } from './driver-lane.ts'
import { explainStrays } from './explain-strays.ts'
import type { ProgramLimits } from './hold-back.ts'
import { retireJobs } from './job-retention.ts'
import { createReadyWatch } from './ready-watch.ts'
import {
  isSchedulerTrouble,
  isStoreTrouble,
  type ReconcileContext,
  type ReconcileSettings,
} from './reconcile-context.ts'
import { startWorkLoop, type WorkLoop } from './work-loop.ts'

/** The work of the replica that holds the lease. */
export interface LeaderSession {
  /** Aborted once the lease is known to be lost, or after `end`. */
  readonly signal: AbortSignal
  /** Tells of changes in the store. */
  notice(changes: readonly Change[]): void
  /** Stops, and resolves when nothing is going on any more. */
  end(): Promise<void>
}

export interface LeaderSessionOptions {
  store: Store
  jobs: JobStore
  ledger: QuotaLedger
  box: SealedBox
  clock: Clock
  log: Logger
  /** By driver name. */
  schedulers: Readonly<Record<string, Scheduler>>
  isReady: ReadyProbe
  settings: ReconcileSettings
  lease: Lease
  /** For fault tests. */
  reach?: ReachCrashPoint
  /** From 0 to 1. Default `Math.random`. */
  random?: () => number
}

/** Starts one lane for each scheduler, the door of the queue, and the tidying up. */
export function startLeaderSession(options: LeaderSessionOptions): LeaderSession {
  const life = new AbortController()
  const context = buildContext(options, life.signal)
  const onError = createErrorHandler(context, () => life.abort())
  const readyWatch = createReadyWatch(context, options.isReady)
  const lanes = new Map<string, DriverLane>()
  const byDriver = Object.fromEntries(
    Object.values(options.schedulers).map((scheduler) => [scheduler.driver, scheduler]),
  )
  const queue = startQueueLoop(context, { lanes, schedulers: byDriver, onError })
  for (const scheduler of Object.values(options.schedulers)) {
    const onFreed = queue.wake
    lanes.set(scheduler.driver, startDriverLane(context, { scheduler, readyWatch, onFreed, onError }))
  }
  const tidying = startTidyLoop(context, options.schedulers, onError)
  return {
    signal: life.signal,
    notice(changes) {
      const keys = changes.flatMap(({ topic, key }) => (topic === 'job-wanted' ? [key] : []))
      if (keys.length === 0) return
      queue.wake()
      for (const lane of lanes.values()) lane.notice(keys)
    },
    async end() {
      life.abort()
      await Promise.all([queue.done, tidying.done, ...[...lanes.values()].map((lane) => lane.done)])
    },
  }
}

function buildContext(options: LeaderSessionOptions, signal: AbortSignal): ReconcileContext {
  const { store, lease, settings, random = Math.random, reach = () => {} } = options
  return {
    ...options,
    signal,
    random,
    reach,
    callSignal: () => AbortSignal.any([signal, AbortSignal.timeout(settings.callTimeoutMs)]),
    fenced: (work) =>
      store.transaction(async (tx) => {
        await store.assertLease(tx, lease)
        return work(tx)
      }),
  }
}

/** What is done about an error that is not a scheduler's silence: answers how long to leave the work that met it alone. */
function createErrorHandler(
  { log, settings, random }: ReconcileContext,
  onLeaseLost: () => void,
): (error: unknown) => number {
  const backoff = createBackoff({ ...settings.storeBackoff, random })
  return (error) => {
    if (isPlatformError(error, 'lease_lost')) {
      log.warn('another replica reconciles now')
      onLeaseLost()
      return 0
    }
    if (isStoreTrouble(error)) {
      log.error({ err: error }, 'the database failed: nothing is lost, the work is tried again')
    } else {
      log.error({ err: error }, 'reconciling failed and is tried again')
    }
    return backoff.next()
  }
}

/** Lets jobs out of the queue when something was wanted or given back, and now and then, as limits may have been changed. */
function startQueueLoop(
  context: ReconcileContext,
  {
    lanes,
    schedulers,
    onError,
  }: {
    lanes: ReadonlyMap<string, DriverLane>
    schedulers: ProgramLimits
    onError: (error: unknown) => number
  },
): WorkLoop {
  const { clock, signal, settings } = context
  const step = async () => {
    try {
      const { admitted, hasMore } = await admitJobs(context, schedulers)
      if (admitted.length > 0) for (const lane of lanes.values()) lane.takeOver(admitted)
      return hasMore ? 0 : settings.steadyTickMs
    } catch (error) {
      return signal.aborted ? 0 : onError(error)
    }
  }
  return startWorkLoop({ clock, signal, step })
}

function startTidyLoop(
  context: ReconcileContext,
  schedulers: LeaderSessionOptions['schedulers'],
  onError: (error: unknown) => number,
): WorkLoop {
  const { clock, signal, settings } = context
  const step = async () => {
    try {
      const drivers = Object.values(schedulers).map((scheduler) => scheduler.driver)
      await explainStrays(context, drivers)
      await retireJobs(context, schedulers)
    } catch (error) {
      if (!signal.aborted && !isSchedulerTrouble(error)) onError(error)
    }
    return settings.retentionMs
  }
  return startWorkLoop({ clock, signal, step })
}
