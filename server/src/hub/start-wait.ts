import { PlatformError } from '@atrium/contract/errors.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'

import type { JobKey } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'

/**
 * Waits a little for a start, as JupyterHub does before it answers: `ready`, or `pending` when it takes longer or stands in line. Throws
 * `internal` with the cause when it fails meanwhile.
 */
export async function waitForStart(
  jobs: Pick<Jobs, 'waitFor'>,
  key: JobKey,
  waitMs: number,
): Promise<'ready' | 'pending'> {
  const signal = AbortSignal.timeout(waitMs)
  try {
    const job = await jobs.waitFor(key, isDecided, { signal })
    if (job.readyAtMs !== undefined) return 'ready'
    if (!hasEnded(job.state)) return 'pending'
    throw new PlatformError('internal', { message: `Spawner failed to start: ${job.message ?? job.state}` })
  } catch (error) {
    if (signal.aborted) return 'pending'
    throw error
  }
}

function isDecided(job: Job): boolean {
  return job.readyAtMs !== undefined || hasEnded(job.state) || standsInLine(job)
}

/** Its owner's quota, or the platform's, has no room at present. */
function standsInLine({ state, reason }: Job): boolean {
  return state === 'queued' && reason?.startsWith('quota') === true
}
