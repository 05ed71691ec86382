/** The life of a job, in order. `unknown`: the scheduler did not answer; records and routes stay. */
export const jobStates = [
  'queued',
  'pending',
  'starting',
  'running',
  'stopping',
  'succeeded',
  'failed',
  'cancelled',
  'preempted',
  'unknown',
] as const

export type JobState = (typeof jobStates)[number]

/** States that never change again. */
export const endedJobStates = [
  'succeeded',
  'failed',
  'cancelled',
  'preempted',
] as const satisfies readonly JobState[]

/** True once a job can never run again. */
export function hasEnded(state: JobState): boolean {
  return (endedJobStates as readonly JobState[]).includes(state)
}

/** What a job is for; quotas and the portal group by it. */
export type JobKind =
  | 'server'
  | 'dask-scheduler'
  | 'dask-worker'
  | 'engine'
  | 'batch'
  | 'app'
  | 'environment-build'
  | 'backup'
