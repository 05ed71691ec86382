import type { NewJobEvent } from '#scheduler/job-events.ts'
import type { JobChange } from '#scheduler/job-rows.ts'

/** What to record of an observation. */
export interface Transition {
  change: JobChange
  events: readonly NewJobEvent[]
  /** The job gives its share of quotas back. */
  givesBack?: boolean
}

/** What an observation came with. */
export interface SeenAt {
  nowMs: number
  /** The last output of a job that failed. */
  logTail?: string
  /** From 0 to 1, for the pause before a retry. */
  random: () => number
}
