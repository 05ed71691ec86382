import type { AllocatedUse } from '#scheduler/job.ts'
import type { NewJobEvent } from '#scheduler/job-events.ts'
import type { JobChange } from '#scheduler/job-rows.ts'

/** What to record of an observation. */
export interface Transition {
  change: JobChange
  events: readonly NewJobEvent[]
  /** The job gives its share of quotas back. */
  givesBack?: boolean
  /** A start of the job is over with this: what it used is counted. */
  endedStart?: EndedStart
}

/** When a start ran, and what it had, where the scheduler tells. */
export interface EndedStart {
  startedAtMs: number
  endedAtMs: number
  allocated?: AllocatedUse
}

/** What an observation came with. */
export interface SeenAt {
  nowMs: number
  /** The last output of a job that failed. */
  logTail?: string
  /** From 0 to 1, for the pause before a retry. */
  random: () => number
}
