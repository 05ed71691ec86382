import type { Observation } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { JobChange } from '#scheduler/job-rows.ts'
import type { Transition } from './transition.ts'

/** Ends that are told anew with every look, from what is left, differ by that much without meaning anything. */
const insignificantMs = 5000

/** When the time of a running job is over, and that its owner is to be told again where there is more of it now. */
export function findTimeOver(
  job: Job,
  seen: Extract<Observation, { state: 'running' }>,
  nowMs: number,
): JobChange {
  const endsAtMs = seen.endsAtMs ?? findOwnEnd(job, job.startedAtMs ?? seen.startedAtMs ?? nowMs)
  if (endsAtMs === undefined)
    return job.endsAtMs === undefined ? {} : { endsAtMs: null, timeWarnedAtMs: null }
  const laterMs = job.endsAtMs === undefined ? 0 : endsAtMs - job.endsAtMs
  if (job.endsAtMs !== undefined && Math.abs(laterMs) < insignificantMs) return {}
  return { endsAtMs, ...(laterMs > 0 && job.timeWarnedAtMs !== undefined ? { timeWarnedAtMs: null } : {}) }
}

function findOwnEnd({ spec }: Job, startedAtMs: number): number | undefined {
  return spec.timeLimitMs === undefined ? undefined : startedAtMs + spec.timeLimitMs
}

/** When the owner of a running job is to be told that little time is left; undefined when there is nothing to tell, or it was told. */
export function findTimeWarning(job: Job): number | undefined {
  const { endsAtMs, startedAtMs, timeWarnedAtMs, desired, policy } = job
  const isTold = timeWarnedAtMs !== undefined || desired === 'stop'
  if (endsAtMs === undefined || startedAtMs === undefined || policy.timeWarningMs === undefined || isTold) {
    return undefined
  }
  return endsAtMs - Math.min(policy.timeWarningMs, (endsAtMs - startedAtMs) / 2)
}

/** Tells the owner, once. */
export function buildTimeWarning(job: Job, nowMs: number): Transition | undefined {
  const warnAtMs = findTimeWarning(job)
  if (warnAtMs === undefined || job.endsAtMs === undefined || nowMs < warnAtMs) return undefined
  const minutes = Math.max(1, Math.round((job.endsAtMs - nowMs) / 60_000))
  const message = `Its time is over in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`
  return { change: { timeWarnedAtMs: nowMs }, events: [{ kind: 'warning', message }] }
}
