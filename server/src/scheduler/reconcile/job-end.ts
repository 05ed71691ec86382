import type { AllocatedUse, JobExit } from '#scheduler/job.ts'
import type { Job, JobRestarts } from '#scheduler/job-record.ts'
import type { JobChange } from '#scheduler/job-rows.ts'
import { buildBackoff } from './backoff.ts'
import type { EndedStart, SeenAt, Transition } from './transition.ts'

/** Stops by the platform itself that count as failures of the job. */
export const failingStopReasons: readonly string[] = ['time_limit', 'not_ready_in_time', 'submit_failed']

/** A submission that the scheduler lost before anything of it was seen is repeated this often, whatever the job's own policy. */
const lossesForgiven = 3

/** What is known of a start that is over. */
export interface SeenEnd extends SeenAt {
  endedAtMs: number
  startedAtMs?: number
  allocated?: AllocatedUse
}

const retryBackoff = { baseMs: 500, maxMs: 60_000 }

/**
 * What follows from the end of a job's present start: the end of the job, another try of a start that failed before it was ready, or
 * its place in the queue again after it was preempted or its node was lost.
 */
export function buildEnd(job: Job, exit: JobExit, at: SeenEnd): Transition {
  return { ...decideEnd(job, exit, at), ...buildEndedStart(job, at) }
}

/** Nothing for a job that never started. */
function buildEndedStart(job: Job, { allocated, endedAtMs, ...at }: SeenEnd): { endedStart?: EndedStart } {
  const seenMs = at.startedAtMs ?? job.startedAtMs ?? (allocated === undefined ? undefined : endedAtMs)
  if (seenMs === undefined) return {}
  const startedAtMs = Math.min(seenMs, endedAtMs)
  return { endedStart: { startedAtMs, endedAtMs, ...(allocated === undefined ? {} : { allocated }) } }
}

function decideEnd(job: Job, exit: JobExit, at: SeenEnd): Transition {
  if (job.desired === 'run') {
    const wasTaken = exit.state === 'preempted' || exit.reason === 'node_lost'
    if (exit.reason === 'node_lost' && job.startedAtMs === undefined)
      return buildRetry(job, describeLostStart(job), at)
    if (wasTaken && job.policy.requeue === true) return buildRequeue(job, exit, at)
    if (canRetryStart(job, exit)) return buildRetry(job, exit.message, at)
    if (canRunAgain(job, exit)) return buildRetry(job, exit.message, at, 'It failed and is run again')
  }
  const end = resolveExit(job, exit)
  const change: JobChange = {
    state: end.state,
    reason: end.reason,
    message: end.message,
    exitCode: exit.exitCode ?? null,
    exitSignal: exit.signal ?? null,
    logTail: end.state === 'failed' ? (at.logTail ?? null) : null,
    endpoint: null,
    wait: null,
    retryAtMs: null,
    endsAtMs: null,
    secrets: null,
    endedAtMs: at.endedAtMs,
  }
  const kind = end.state === 'failed' || end.state === 'preempted' ? 'failed' : 'progress'
  return { change, events: [{ kind, message: end.message }], givesBack: true }
}

/** What follows when the scheduler does not know the job (any more). */
export function buildLoss(job: Job, at: SeenAt): Transition {
  const exit: JobExit = {
    state: 'failed',
    reason: 'not_observed',
    message: 'The scheduler does not know this job any more; nobody saw how it ended.',
  }
  const neverSeen = job.startedAtMs === undefined && job.node === undefined
  if (job.desired === 'run' && neverSeen && job.failedStarts < lossesForgiven) {
    return buildRetry(job, 'The scheduler lost it.', at)
  }
  return buildEnd(job, exit, { ...at, endedAtMs: at.nowMs })
}

function canRetryStart(job: Job, exit: JobExit): boolean {
  const triesLeft = (job.policy.startRetries ?? 0) - job.failedStarts
  return exit.state === 'failed' && job.readyAtMs === undefined && triesLeft > 0
}

/** What took too long once would take as long again. */
function canRunAgain(job: Job, exit: JobExit): boolean {
  const triesLeft = (job.policy.retries ?? 0) - job.failedStarts
  return exit.state === 'failed' && exit.reason !== 'time_limit' && triesLeft > 0
}

/**
 * Nothing of the job began on a node that was lost, so nothing is lost by another try, whatever its policy: a cloud had no machine for
 * it, or one that never booted.
 */
function describeLostStart({ node }: Job): string {
  return `The node that it was to run on did not come up${node === undefined ? '' : ` (${node})`}.`
}

/** Same share of quotas, next attempt, after a pause. */
function buildRetry(
  job: Job,
  why: string,
  { nowMs, random, logTail }: SeenAt,
  what = 'The start failed and is tried again',
): Transition {
  const lines = logTail === undefined ? '' : `\n${logTail}`
  return {
    change: {
      ...freshStart,
      state: 'pending',
      reason: 'retry',
      message: why,
      attempts: job.attempts + 1,
      failedStarts: job.failedStarts + 1,
      retryAtMs: nowMs + Math.round(buildBackoff(job.failedStarts, { ...retryBackoff, random })),
    },
    events: [{ kind: 'warning', message: `${what}: ${why}${lines}` }],
  }
}

/** Back into the queue without its share; its age gives it its old place. The next attempt is counted when it is admitted. */
function buildRequeue(job: Job, { reason, message }: JobExit, { nowMs }: SeenAt): Transition {
  return {
    change: {
      ...freshStart,
      state: 'queued',
      reason,
      message,
      retryAtMs: null,
      restarts: countRestart(job, { reason, message, atMs: nowMs }),
    },
    events: [{ kind: 'warning', message: `${message} It is in the queue again.` }],
    givesBack: true,
  }
}

/** One more time that the job has to begin anew. */
export function countRestart(job: Job, last: Omit<JobRestarts, 'count'>): JobRestarts {
  return { ...last, count: (job.restarts?.count ?? 0) + 1 }
}

const freshStart = {
  handle: null,
  endpoint: null,
  node: null,
  wait: null,
  submittedAtMs: null,
  startedAtMs: null,
  readyAtMs: null,
  endsAtMs: null,
  timeWarnedAtMs: null,
} as const satisfies JobChange

/** How the job is said to have ended: the scheduler's word, unless it ended because we wanted it to. */
function resolveExit(job: Job, exit: JobExit): Pick<JobExit, 'state' | 'reason' | 'message'> {
  if (job.desired === 'run' || exit.state === 'succeeded') return exit
  const reason = job.reason ?? 'requested'
  const message = job.message ?? exit.message
  return { state: failingStopReasons.includes(reason) ? 'failed' : 'cancelled', reason, message }
}

/** True when the job will be said to have failed, by itself or by a limit of ours: its last output is worth keeping. */
export function isFailure(job: Job, exit: JobExit): boolean {
  return exit.state === 'failed' || resolveExit(job, exit).state === 'failed'
}

/** The event of a rejected submission and its end: final, the scheduler's own words. */
export function buildRejection(
  job: Job,
  { reason, message }: { reason: string; message: string },
  at: SeenAt,
): Transition {
  return buildEnd(
    { ...job, policy: {} },
    { state: 'failed', reason, message },
    { ...at, endedAtMs: at.nowMs },
  )
}
