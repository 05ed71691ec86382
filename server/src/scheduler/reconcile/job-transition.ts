import type { Observation } from '#scheduler/job.ts'
import type { NewJobEvent } from '#scheduler/job-events.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { JobChange } from '#scheduler/job-rows.ts'
import { buildEnd, buildLoss, countRestart } from './job-end.ts'
import { findTimeOver } from './time-left.ts'
import type { SeenAt, Transition } from './transition.ts'

/**
 * What an observation changes of a record that is not ended; undefined when nothing. Pure: all policy of a job's life stands here and in
 * `job-end.ts`. What is wanted wins over what is seen: a job to be stopped is `stopping` until it has ended.
 */
export function buildTransition(job: Job, seen: Observation, at: SeenAt): Transition | undefined {
  switch (seen.state) {
    case 'unknown':
      return buildUnknown(job, seen)
    case 'pending':
      return buildPending(job, seen, at)
    case 'starting':
      return buildStarting(job, seen)
    case 'running':
      return buildRunning(job, seen, at)
    case 'ended':
      return buildEnd(job, seen.exit, { ...seen, ...at, endedAtMs: seen.endedAtMs ?? at.nowMs })
    case 'absent':
      return buildLoss(job, at)
  }
}

/** What is recorded once a job's probe was answered; undefined if that is not news or not true any more. */
export function buildReady(job: Job, nowMs: number): Transition | undefined {
  if (job.readyAtMs !== undefined || job.endpoint === undefined || job.desired === 'stop') return undefined
  return {
    change: {
      readyAtMs: nowMs,
      ...(job.state === 'starting' ? { state: 'running', reason: null, message: null } : {}),
    },
    events: [{ kind: 'ready', message: 'Ready', progress: 100 }],
  }
}

/** A stop that the platform itself wants. `reason` decides how the job will have ended: see `failingStopReasons`. */
export function buildStop(job: Job, nowMs: number, reason: string, message: string): Transition {
  return {
    change: {
      desired: 'stop',
      stopRequestedAtMs: nowMs,
      state: job.state === 'unknown' ? 'unknown' : 'stopping',
      reason,
      message,
    },
    events: [{ kind: 'warning', message }],
  }
}

function buildUnknown(job: Job, { why }: { why: string }): Transition | undefined {
  if (job.state === 'unknown') return undefined
  const message = `The scheduler does not answer, the job goes on: ${why}`
  // Why it stops is not forgotten over this.
  const change: JobChange = job.desired === 'stop' ? {} : { reason: 'scheduler_unavailable', message }
  return {
    change: { ...change, state: 'unknown' },
    events: [{ kind: 'warning', message: 'The scheduler does not answer; waiting for it.' }],
  }
}

function buildPending(
  job: Job,
  { reason, estimatedStartMs, place }: Extract<Observation, { state: 'pending' }>,
  { nowMs }: SeenAt,
): Transition | undefined {
  const message = reason ?? 'Waiting for a place on a node.'
  const wait = {
    ...(place === undefined ? {} : { place }),
    ...(estimatedStartMs === undefined ? {} : { estimatedStartMs }),
  }
  const hadStarted = job.startedAtMs !== undefined
  const change = keepChanged(job, {
    state: wantedState(job, 'pending'),
    wait: Object.keys(wait).length === 0 ? null : wait,
    ...(job.desired === 'stop' ? {} : { reason: 'pending', message }),
    ...(hadStarted ? { ...forgottenStart, restarts: countRestart(job, { ...requeued, atMs: nowMs }) } : {}),
  })
  if (change === undefined) return undefined
  if (hadStarted) return { change, events: [{ kind: 'warning', message: requeued.message }] }
  return { change, events: change.message === undefined ? [] : [progress(20, message)] }
}

const requeued = { reason: 'requeued', message: 'The scheduler put it back into its queue.' }

const forgottenStart = {
  startedAtMs: null,
  readyAtMs: null,
  endpoint: null,
  node: null,
  endsAtMs: null,
  timeWarnedAtMs: null,
} as const satisfies JobChange

function buildStarting(
  job: Job,
  { node, reason }: Extract<Observation, { state: 'starting' }>,
): Transition | undefined {
  const change = keepChanged(job, {
    state: wantedState(job, 'starting'),
    wait: null,
    ...(job.desired === 'stop' ? {} : describeSeen('starting', reason)),
    ...(node === undefined ? {} : { node }),
    ...(job.readyAtMs === undefined ? {} : { readyAtMs: null, endpoint: null }),
  })
  if (change === undefined) return undefined
  const isNews = change.state === 'starting' || typeof change.message === 'string'
  return { change, events: isNews ? [progress(40, reason ?? describeStart(node))] : [] }
}

/** What the scheduler says of a job that has its node. */
function describeSeen(state: 'starting' | 'running', text: string | undefined): JobChange {
  return text === undefined ? { reason: null, message: null } : { reason: state, message: text }
}

function buildRunning(
  job: Job,
  seen: Extract<Observation, { state: 'running' }>,
  { nowMs }: SeenAt,
): Transition | undefined {
  const endpoint = seen.endpoint ?? job.endpoint
  const moved = job.readyAtMs !== undefined && !isSame(endpoint, job.endpoint)
  const wasReady = job.readyAtMs !== undefined && !moved
  const isReady = wasReady || (job.policy.ready === undefined && job.desired === 'run')
  const change = keepChanged(job, {
    state: wantedState(job, isReady ? 'running' : 'starting'),
    wait: null,
    ...(job.desired === 'stop' ? {} : describeSeen('running', seen.reason)),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(seen.node === undefined ? {} : { node: seen.node }),
    ...(job.startedAtMs === undefined ? { startedAtMs: seen.startedAtMs ?? nowMs } : {}),
    ...findTimeOver(job, seen, nowMs),
    ...(wasReady ? {} : { readyAtMs: isReady ? nowMs : null }),
  })
  if (change === undefined) return undefined
  const events: NewJobEvent[] = []
  if (job.startedAtMs === undefined && !isReady)
    events.push(progress(60, describeStart(seen.node, seen.warm)))
  if (!wasReady && isReady) events.push({ kind: 'ready', message: 'Running', progress: 100 })
  return { change, events }
}

function describeStart(node: string | undefined, warm = false): string {
  const where = node === undefined ? '' : ` on ${node}`
  return warm ? `Started${where} from a warm interpreter` : `Started${where}`
}

function progress(percent: number, message: string): NewJobEvent {
  return { kind: 'progress', message, progress: percent }
}

function wantedState(job: Job, state: 'pending' | 'starting' | 'running'): Job['state'] {
  return job.desired === 'stop' ? 'stopping' : state
}

/** The fields of `change` that differ from the record; undefined when none does. */
function keepChanged(job: Job, change: JobChange): JobChange | undefined {
  const entries = Object.entries(change).filter(
    ([field, value]) => !isSame(job[field as keyof Job] ?? null, value ?? null),
  )
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** What is said of a job that could not be handed to a silent scheduler; it stays `pending`. */
export function buildUnsubmitted(job: Job): Transition | undefined {
  if (job.handle !== undefined || job.desired === 'stop' || job.reason === 'scheduler_unavailable')
    return undefined
  const message = 'The scheduler does not answer. It is asked again.'
  return { change: { reason: 'scheduler_unavailable', message }, events: [{ kind: 'warning', message }] }
}
