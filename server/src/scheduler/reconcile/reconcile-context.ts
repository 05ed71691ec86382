import { isPlatformError } from '@atrium/contract/errors.ts'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { JobKey } from '#scheduler/job.ts'
import { insertJobEvents, type NewJobEvent } from '#scheduler/job-events.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { JobStore } from '#scheduler/job-store.ts'
import type { QuotaLedger } from '#scheduler/quota-ledger.ts'
import { recordUse } from '#scheduler/usage/usage-ledger.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { ReachCrashPoint } from './crash-points.ts'
import type { Transition } from './transition.ts'

/** Times and sizes of the reconciler. All in milliseconds unless named otherwise. */
export interface ReconcileSettings {
  /** How long a replica that died keeps others from reconciling, at most. */
  leaseMs: number
  /** Jobs in one call of `submit` and one transaction. */
  batchSize: number
  /** How soon a scheduler without hints is asked again about jobs that change; grows to the two maxima while nothing does. */
  changingTickMs: number
  maxChangingTickMs: number
  maxPendingTickMs: number
  /** How often everything is looked at, hints or not. */
  steadyTickMs: number
  /** How often the scheduler's list is searched for jobs nobody wants. */
  sweepMs: number
  /** How long a scheduler may be silent before its jobs are said to be `unknown`. */
  unknownAfterMs: number
  /** Pauses between tries while the scheduler, or the store, fails. */
  schedulerBackoff: { baseMs: number; maxMs: number }
  storeBackoff: { baseMs: number; maxMs: number }
  /** For one call of the scheduler. */
  callTimeoutMs: number
  /** How long an end waits for the last output. */
  logTailTimeoutMs: number
  logTailBytes: number
  /** Grace of jobs whose policy says nothing. */
  graceMs: number
  /** After the grace, before a cancel is repeated by force. */
  cancelPatienceMs: number
  /** Memory and cpu use are recorded this often. */
  usageMs: number
  /** How long the scheduler keeps output of ended jobs for us, and we their records. */
  keepOutputMs: number
  keepRecordsMs: number
  retentionMs: number
}

const second = 1000
const minute = 60 * second
const day = 24 * 60 * minute

export const defaultSettings: ReconcileSettings = {
  leaseMs: 5 * second,
  batchSize: 200,
  changingTickMs: 100,
  maxChangingTickMs: second,
  maxPendingTickMs: 5 * second,
  steadyTickMs: 10 * second,
  sweepMs: minute,
  unknownAfterMs: 2 * second,
  schedulerBackoff: { baseMs: 250, maxMs: 15 * second },
  storeBackoff: { baseMs: 100, maxMs: 5 * second },
  callTimeoutMs: 30 * second,
  logTailTimeoutMs: 500,
  logTailBytes: 8192,
  graceMs: 10 * second,
  cancelPatienceMs: 5 * second,
  usageMs: minute,
  keepOutputMs: day,
  keepRecordsMs: 30 * day,
  retentionMs: 10 * minute,
}

/** What the parts of one leader's work share. It ends with the lease. */
export interface ReconcileContext {
  store: Store
  jobs: JobStore
  ledger: QuotaLedger
  box: SealedBox
  clock: Clock
  log: Logger
  settings: ReconcileSettings
  /** From 0 to 1. */
  random: () => number
  reach: ReachCrashPoint
  /** Aborts when this replica no longer reconciles. */
  signal: AbortSignal
  /** For one call of a scheduler: aborts with `signal`, or when the call takes too long. */
  callSignal(): AbortSignal
  /** A transaction that fails with `lease_lost` when another replica has taken over. */
  fenced<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>
}

/** A record and what was just changed of it. */
export interface Applied {
  job: Job
  transition: Transition
}

/**
 * Reads the records again under lock, decides, and records the outcome with its events and quotas, `batchSize` jobs to a transaction.
 * `decide` may be called more than once for a job. Records that ended meanwhile are left alone. A record that cannot be written for
 * reasons of its own does not keep the others from it: it is logged and left for the next look.
 */
export async function applyTransitions(
  context: ReconcileContext,
  keys: readonly JobKey[],
  decide: (job: Job) => Transition | undefined,
): Promise<Applied[]> {
  const { batchSize } = context.settings
  const applied: Applied[] = []
  for (let start = 0; start < keys.length; start += batchSize) {
    applied.push(...(await applyApart(context, keys.slice(start, start + batchSize), decide)))
  }
  return applied
}

/** One transaction; when it fails by one of its records, halves. */
async function applyApart(
  context: ReconcileContext,
  keys: readonly JobKey[],
  decide: (job: Job) => Transition | undefined,
): Promise<Applied[]> {
  try {
    return await applyTogether(context, keys, decide)
  } catch (error) {
    if (endsWork(error) || context.signal.aborted) throw error
    if (keys.length === 1) {
      context.log.error({ err: error, job: keys[0] }, 'what was seen of a job could not be recorded')
      return []
    }
    const middle = Math.ceil(keys.length / 2)
    const first = await applyApart(context, keys.slice(0, middle), decide)
    return [...first, ...(await applyApart(context, keys.slice(middle), decide))]
  }
}

function applyTogether(
  { jobs, ledger, clock, fenced }: ReconcileContext,
  keys: readonly JobKey[],
  decide: (job: Job) => Transition | undefined,
): Promise<Applied[]> {
  return fenced(async (tx) => {
    const changed: Applied[] = []
    for (const job of (await jobs.lock(tx, keys)).values()) {
      const transition = job.endedAtMs === undefined ? decide(job) : undefined
      if (transition === undefined) continue
      await jobs.update(tx, job.key, transition.change)
      changed.push({ job, transition })
    }
    await recordConsequences(tx, changed, { ledger, atMs: clock.now() })
    return changed
  })
}

async function recordConsequences(
  tx: StoreTransaction,
  changed: readonly Applied[],
  { ledger, atMs }: { ledger: QuotaLedger; atMs: number },
): Promise<void> {
  const events: { key: JobKey; event: NewJobEvent }[] = changed.flatMap(({ job, transition }) =>
    transition.events.map((event) => ({ key: job.key, event })),
  )
  await insertJobEvents(tx, atMs, events)
  const ended = changed.flatMap(({ job, transition }) => (transition.givesBack ? [job.key] : []))
  await ledger.giveBack(tx, ended)
  const starts = changed.flatMap(({ job, transition: { endedStart } }) =>
    endedStart === undefined ? [] : [{ job, run: { ...endedStart, isOver: true } }],
  )
  await recordUse(tx, starts)
}

/** True when a call failed because the scheduler does not answer: it is asked again later. */
export function isSchedulerTrouble(error: unknown): boolean {
  return isPlatformError(error, 'scheduler_unavailable') || isAbort(error)
}

/** True when the database failed for now: locked, full or gone. */
export function isStoreTrouble(error: unknown): boolean {
  return isPlatformError(error, 'store_unavailable') || isPlatformError(error, 'storage_full')
}

/** True when nothing can be recorded for now, or by this replica. */
export function endsWork(error: unknown): boolean {
  return isStoreTrouble(error) || isPlatformError(error, 'lease_lost')
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}
