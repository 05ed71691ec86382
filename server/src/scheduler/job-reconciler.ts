import type { Clock } from '#platform/clock.ts'
import type { Lease } from '#store/store.ts'
import {
  type LeaderSession,
  type LeaderSessionOptions,
  startLeaderSession,
} from './reconcile/leader-session.ts'
import { defaultSettings, type ReconcileSettings } from './reconcile/reconcile-context.ts'

const leaseName = 'job-reconciler'
/** Renewals, and looks of those who wait, within the time of a lease. */
const tries = 3

/**
 * Brings what runs to what is wanted. Level-triggered: it compares, in small steps, the records with what schedulers report, and can be
 * killed between any two; the next one goes on from the records. One replica does this at a time, by a lease that fences every write.
 * The policies: of a job's life in `reconcile/job-transition.ts` and `job-end.ts`, of the queue in `job-queue.ts`, of quotas in
 * `quota-ledger.ts`, of asking in `reconcile/tick.ts`. Drivers have none.
 */
export interface JobReconciler {
  start(): void
  /** Ends the work in hand and lets another replica take over at once. Jobs run on. */
  close(): Promise<void>
}

export interface JobReconcilerOptions extends Omit<LeaderSessionOptions, 'settings' | 'lease'> {
  /**
   * Name of this replica, holds the lease. Where only one control plane can exist (SQLite), a constant one lets the next take over from a
   * dead one at once; of several, each needs its own.
   */
  replica: string
  settings?: Partial<ReconcileSettings>
}

export function createJobReconciler(options: JobReconcilerOptions): JobReconciler {
  const { store } = options
  const settings = { ...defaultSettings, ...options.settings }
  const life = new AbortController()
  let session: LeaderSession | undefined
  let done: Promise<void> | undefined
  const stopListening = store.onChange((changes) => session?.notice(changes))

  const lead = async () => {
    while (!life.signal.aborted) {
      const lease = await acquire(options, settings)
      if (lease !== undefined && !life.signal.aborted) {
        session = startLeaderSession({ ...options, settings, lease })
        await holdLease({ ...options, settings, lease, session, signal: life.signal })
        await session.end()
        session = undefined
        if (life.signal.aborted) await store.releaseLease(lease).catch(() => {})
      }
      await pause(options.clock, settings.leaseMs / tries, life.signal)
    }
  }

  return {
    start() {
      done ??= lead()
    },
    async close() {
      life.abort()
      stopListening()
      await done
    },
  }
}

/** The lease, or undefined while another replica holds it or the store cannot be asked. */
async function acquire(
  { store, replica, log }: JobReconcilerOptions,
  { leaseMs }: ReconcileSettings,
): Promise<Lease | undefined> {
  try {
    return await store.acquireLease(leaseName, replica, leaseMs)
  } catch (error) {
    log.error({ err: error }, 'the lease to reconcile could not be asked for, trying again')
    return undefined
  }
}

/** Renews the lease until it is lost, or `signal` aborts. A store that cannot be asked is a lost lease once its time is over. */
async function holdLease(
  options: JobReconcilerOptions & {
    settings: ReconcileSettings
    lease: Lease
    session: LeaderSession
    signal: AbortSignal
  },
): Promise<void> {
  const { clock, settings, lease, session } = options
  const signal = AbortSignal.any([options.signal, session.signal])
  let renewedMs = clock.monotonic()
  while (!signal.aborted) {
    await pause(clock, settings.leaseMs / tries, signal)
    if (signal.aborted) return
    const askedMs = clock.monotonic()
    const renewed = await acquire(options, settings)
    if (renewed?.fence === lease.fence) renewedMs = askedMs
    else if (renewed !== undefined || clock.monotonic() - renewedMs > settings.leaseMs) return
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, { signal }).catch(() => {})
}
