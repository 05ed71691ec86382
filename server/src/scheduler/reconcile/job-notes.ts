import type { Clock } from '#platform/clock.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { ReconcileSettings } from './reconcile-context.ts'
import { findTimeWarning } from './time-left.ts'

/** A stored time that far ahead is the wall clock's fault: nothing of ours waits longer for a retry. */
const longestRetryMs = 60_000
/** A scheduler that keeps time limits itself gets this long to do so before we do. */
const timeLimitMarginMs = 5_000

/**
 * What this process remembers of an active job besides its record: durations, counted on the clock that cannot jump. Losing them with the
 * process costs nothing but a repeated call.
 */
export interface JobNotes {
  attempt: number
  state: Job['state']
  isSubmitted: boolean
  /** When it started, by the recorded wall-clock time where there is one; on the monotonic clock. */
  startedMs?: number
  /** When this process first saw that it had started. What counts from here cannot come too early, whatever the wall clock does. */
  sightedMs?: number
  retryMs?: number
  /** The recorded time that `retryMs` was made of. */
  retryAtMs?: number
  cancels: number
  lastCancelMs?: number
  lastGraceMs: number
  unknownSinceMs?: number
  usageMs?: number
  /** When there is something to do for it even if nothing happens. */
  dueMs?: number
}

/** Notes of a job seen for the first time, or for the first time in this attempt. */
function createNotes(job: Job): JobNotes {
  return { attempt: job.attempts, state: job.state, isSubmitted: false, cancels: 0, lastGraceMs: 0 }
}

/** Brings notes up to the record. Stored wall-clock times are turned into durations once, at first sight. */
export function updateNotes(known: JobNotes | undefined, job: Job, clock: Clock): JobNotes {
  const notes = known?.attempt === job.attempts ? known : createNotes(job)
  const [now, nowMs] = [clock.now(), clock.monotonic()]
  notes.state = job.state
  notes.isSubmitted = job.handle !== undefined
  if (job.startedAtMs !== undefined || job.state === 'starting') {
    notes.sightedMs ??= nowMs
    notes.startedMs ??= nowMs - Math.max(0, now - (job.startedAtMs ?? now))
  } else {
    delete notes.sightedMs
    delete notes.startedMs
  }
  if (job.retryAtMs === undefined) {
    delete notes.retryMs
    delete notes.retryAtMs
  } else if (job.retryAtMs !== notes.retryAtMs) {
    notes.retryAtMs = job.retryAtMs
    notes.retryMs = nowMs + Math.min(longestRetryMs, Math.max(0, job.retryAtMs - now))
  }
  return notes
}

/** True when the next start of a job may be submitted. */
export function isRetryDue(notes: JobNotes, clock: Clock): boolean {
  return notes.retryMs === undefined || notes.retryMs <= clock.monotonic()
}

/** True when the scheduler has to be asked (again) to end a job. */
export function isCancelDue(notes: JobNotes, clock: Clock, settings: ReconcileSettings): boolean {
  return cancelDueMs(notes, settings) <= clock.monotonic()
}

function cancelDueMs(notes: JobNotes, { cancelPatienceMs }: ReconcileSettings): number {
  if (notes.lastCancelMs === undefined) return Number.NEGATIVE_INFINITY
  return notes.lastCancelMs + notes.lastGraceMs + cancelPatienceMs * notes.cancels
}

/** A limit of its own that a job has reached: why it is to be stopped. */
export function findReachedLimit(
  notes: JobNotes,
  job: Job,
  clock: Clock,
  hasOwnLimits: boolean,
): { reason: string; message: string } | undefined {
  if (job.desired === 'stop') return undefined
  const nowMs = clock.monotonic()
  const ends = findEnds(notes, job, hasOwnLimits)
  if (nowMs >= ends.timeLimitMs) return { reason: 'time_limit', message: 'It reached its time limit.' }
  if (nowMs >= ends.readyMs) {
    const seconds = Math.round((job.policy.readyTimeoutMs ?? 0) / 1000)
    return {
      reason: 'not_ready_in_time',
      message: `It did not answer within ${seconds} seconds of its start.`,
    }
  }
  return undefined
}

/** Sets when there is something to do for a job even if nothing happens. */
export function planNotes(
  notes: JobNotes,
  job: Job,
  { settings, clock, hasOwnLimits }: { settings: ReconcileSettings; clock: Clock; hasOwnLimits: boolean },
): void {
  const dues: number[] = []
  const warnAtMs = findTimeWarning(job)
  if (warnAtMs !== undefined) dues.push(clock.monotonic() + Math.max(0, warnAtMs - clock.now()))
  if (job.desired === 'stop') dues.push(cancelDueMs(notes, settings))
  else if (notes.startedMs !== undefined) {
    const { timeLimitMs, readyMs } = findEnds(notes, job, hasOwnLimits)
    dues.push(timeLimitMs, readyMs)
  } else if (notes.retryMs !== undefined) dues.push(notes.retryMs)
  const due = Math.min(...dues)
  if (Number.isFinite(due)) notes.dueMs = due
  else delete notes.dueMs
}

/**
 * When a job's time is over, on the monotonic clock. A scheduler that keeps time limits is trusted with them: ours then only catches what
 * it missed, and counts from the first sight, so that a wall clock that was set forward ends no job after a restart.
 */
function findEnds(
  { startedMs, sightedMs }: JobNotes,
  { spec, policy, readyAtMs }: Job,
  hasOwnLimits: boolean,
): { timeLimitMs: number; readyMs: number } {
  const never = Number.POSITIVE_INFINITY
  const { timeLimitMs = never } = spec
  const { ready, readyTimeoutMs = never } = policy
  const isAwaited = ready !== undefined && readyAtMs === undefined
  const limitedFromMs = hasOwnLimits && sightedMs !== undefined ? sightedMs + timeLimitMarginMs : startedMs
  return {
    timeLimitMs: (limitedFromMs ?? never) + timeLimitMs,
    readyMs: isAwaited ? (sightedMs ?? never) + readyTimeoutMs : never,
  }
}
