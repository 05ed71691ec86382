import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Job } from '#scheduler/job-record.ts'

/** A server as JupyterHub's clients see its job. */
export interface ServerPhase {
  /** What it is in the middle of. */
  pending: 'spawn' | 'stop' | null
  /** It can be used. */
  ready: boolean
  /** It runs, or is in the middle of a start or stop. */
  active: boolean
}

const stopped: ServerPhase = { pending: null, ready: false, active: false }

/** `unknown` changes nothing: a server that was ready still counts as ready while the scheduler cannot be asked. */
export function buildServerPhase(job: Job | undefined): ServerPhase {
  if (job === undefined || hasEnded(job.state)) return stopped
  if (job.desired === 'stop' || job.state === 'stopping')
    return { pending: 'stop', ready: false, active: true }
  return job.readyAtMs === undefined
    ? { pending: 'spawn', ready: false, active: true }
    : { pending: null, ready: true, active: true }
}

/** True for a start that came to nothing, as opposed to a server that ran and ended. */
export function hasFailedStart(job: Job | undefined): boolean {
  return job !== undefined && hasEnded(job.state) && job.readyAtMs === undefined
}
