import type { JobKind, JobState } from '@atrium/contract/jobs.ts'

import type { JobEndpoint, JobHandle, JobKey, JobSpec } from './job.ts'
import type { QuotaAmounts } from './quota.ts'

/** When a job counts as ready: a GET of `path` on the endpoint's port of this name answers with a status below 500. */
export interface ReadyRule {
  port: string
  /** Absolute, already encoded: `/user/alice/api`. */
  path: string
}

/** What happens to a job by itself. Fixed when it is requested. */
export interface JobPolicy {
  /** Absent: the job is ready as soon as it runs. */
  ready?: ReadyRule
  /** It must be ready this long after the scheduler started it, else it failed (`not_ready_in_time`). Waiting in a queue does not count. */
  readyTimeoutMs?: number
  /** How many more times a start is tried that ended before it was ready (a port was taken, the node broke). Default 0. */
  startRetries?: number
  /** How many more times it is run after it failed, in a start of its own each; not when its time was over. Default 0. */
  retries?: number
  /** A preempted job, or one whose node was lost, goes back into the queue by itself. Default: it ends. */
  requeue?: boolean
  /** Between asking a job to end and ending it by force. Default 10,000. */
  graceMs?: number
  /** Its owner is told this long before its time is over; never earlier than at half of it. Default: not. */
  timeWarningMs?: number
}

/** What a feature wants to run. */
export interface JobRequest {
  /** Default: a new one. Chosen by the caller (`buildJobKey`) when it must be known before, or for a request that may be repeated. */
  key?: JobKey
  kind: JobKind
  /** Which of the configured schedulers. Default: the platform's default one. */
  driver?: string
  /** Whose quota it counts against; null for the platform's own jobs. */
  userId: number | null
  /** The group it counts against as well. Default: every group of its owner. */
  groupId?: number
  /** What the job is of: `server:17`, `cluster:3`. */
  subject: string
  /** `environment` holds nothing secret here. */
  spec: Omit<JobSpec, 'key' | 'kind'>
  /** Secret environment variables: kept apart from the spec, in no listing, dropped when the job ends. */
  secrets?: Readonly<Record<string, string>>
  policy?: JobPolicy
  /** Higher goes first in the queue. Default by kind: what a person waits for before what computes. */
  priority?: number
}

/** Measured use of a running job. */
export interface JobUsage {
  memoryBytes?: number
  cpuSeconds?: number
  /** Programs of it that were ended because it used more memory than it may. */
  oomKills?: number
}

/** Why a job does not run yet, as far as anybody knows. */
export interface JobWait {
  /** 1 is next. Our own queue's while `queued`, the scheduler's while `pending`. */
  place?: number
  /** Milliseconds since the epoch. A guess from the last starts, or the scheduler's own. */
  estimatedStartMs?: number
}

/** That a job had started and went back into a queue by itself, and why the last time. */
export interface JobRestarts {
  count: number
  /** `preempted`, `node_lost`, `requeued`. */
  reason: string
  /** For the person who started it. */
  message: string
  atMs: number
}

/** A job as the platform knows it: what is wanted of it and what was last seen. */
export interface Job {
  key: JobKey
  kind: JobKind
  driver: string
  userId: number | null
  groupId: number | null
  subject: string
  /** What is wanted; `state` follows. */
  desired: 'run' | 'stop'
  state: JobState
  /** Without secrets. */
  spec: JobSpec
  policy: JobPolicy
  /** What it takes of quotas while it holds its share. */
  amounts: QuotaAmounts
  priority: number
  /** Starts so far. The scheduler sees each under a key of its own (`buildAttemptKey`). */
  attempts: number
  /** Those of them that failed and were followed by another: before the job was ready, or by its `policy.retries`. */
  failedStarts: number
  /** The next start does not come before this. */
  retryAtMs?: number
  handle?: JobHandle
  /** Where it answers; stays while the state is `unknown`. */
  endpoint?: JobEndpoint
  node?: string
  /** Short and stable: why it waits (`quota_user_cpu`) or how it ended (`out_of_memory`). */
  reason?: string
  /** The same as one sentence for the person who started it. */
  message?: string
  wait?: JobWait
  exitCode?: number
  exitSignal?: string
  /** The last lines of output of a job that failed. */
  logTail?: string
  usage?: JobUsage
  restarts?: JobRestarts
  requestedAtMs: number
  submittedAtMs?: number
  startedAtMs?: number
  /** Set once it answered; cleared when it starts anew. */
  readyAtMs?: number
  stopRequestedAtMs?: number
  /** When its time is over: by the scheduler's word, or else by its own limit. Set while it runs. */
  endsAtMs?: number
  /** When its owner was told that little is left of it. */
  timeWarnedAtMs?: number
  endedAtMs?: number
}

/** One line of a job's progress. */
export interface JobEvent {
  /** Grows; what `events` resumes after. */
  id: number
  atMs: number
  kind: 'progress' | 'ready' | 'failed' | 'warning'
  message: string
  htmlMessage?: string
  /** 0-100. */
  progress?: number
}

/** Which jobs to list; all conditions must hold. */
export interface JobFilter {
  kind?: JobKind
  userId?: number
  subject?: string
  states?: readonly JobState[]
  /** True: not ended. */
  active?: boolean
  /** Default 1,000. */
  limit?: number
  /** Default: newest first. */
  oldestFirst?: boolean
  /** Only jobs requested before this one. */
  before?: JobKey
  /** Only jobs requested after this one. */
  after?: JobKey
}

/** What a caller may say of a stop. */
export interface StopOptions {
  /** Short and stable: why (`idle`, `admin`). Default `requested`. */
  reason?: string
  /** For the person who started it. */
  message?: string
}

/** True when the job answers at `endpoint` by its `policy.ready` rule. False or a rejection: not yet, it is asked again. */
export type ReadyProbe = (
  job: Job,
  endpoint: JobEndpoint,
  options: { signal: AbortSignal },
) => Promise<boolean>
