import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Store } from '#store/store.ts'
import type { JobHandle, JobKey } from './job.ts'
import { watchJob } from './job-events.ts'
import { buildAttemptKey } from './job-key.ts'
import type { Job } from './job-record.ts'
import type { JobStore } from './job-store.ts'
import type { Scheduler } from './scheduler.ts'

/** Which output is wanted. */
export interface JobLogOptions {
  /** Bytes before this are left out. Default 0. */
  offset?: number
  /** Waits for the start, and goes on until its end. */
  follow?: boolean
  /** The start whose output it is, counted from 1. Default: the present or last one. */
  attempt?: number
  signal: AbortSignal
}

interface LogContext {
  store: Store
  jobs: JobStore
  schedulers: Readonly<Record<string, Scheduler>>
}

/** See `Jobs.logs`. */
export async function* readJobLogs(
  context: LogContext,
  key: JobKey,
  { offset = 0, follow = false, attempt, signal }: JobLogOptions,
): AsyncGenerator<Uint8Array> {
  for await (const job of watchJob(context, key, { signal })) {
    const scheduler = context.schedulers[job.driver]
    if (scheduler === undefined) return
    const handle = await findHandle(scheduler, job, { attempt, signal })
    if (handle !== undefined) {
      yield* scheduler.logs(handle, { offset, follow, signal })
      return
    }
    if (!follow || !canStart(job, attempt)) return
  }
}

/** Of a start that is over the scheduler knows it alone. */
async function findHandle(
  scheduler: Scheduler,
  job: Job,
  { attempt = job.attempts, signal }: { attempt: number | undefined; signal: AbortSignal },
): Promise<JobHandle | undefined> {
  if (attempt === job.attempts) return job.handle
  if (attempt > job.attempts) return undefined
  const key = buildAttemptKey(job.key, attempt)
  return (await scheduler.find([key], { signal })).get(key)
}

function canStart(job: Job, attempt = job.attempts): boolean {
  return job.desired === 'run' && !hasEnded(job.state) && attempt >= job.attempts
}
