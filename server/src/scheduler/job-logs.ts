import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Store } from '#store/store.ts'
import type { JobKey } from './job.ts'
import { watchJob } from './job-events.ts'
import type { Job } from './job-record.ts'
import type { JobStore } from './job-store.ts'
import type { Scheduler } from './scheduler.ts'

/** See `Jobs.logs`. */
export async function* readJobLogs(
  context: { store: Store; jobs: JobStore; schedulers: Readonly<Record<string, Scheduler>> },
  key: JobKey,
  { offset = 0, follow = false, signal }: { offset?: number; follow?: boolean; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  for await (const job of watchJob(context, key, { signal })) {
    const scheduler = context.schedulers[job.driver]
    if (job.handle !== undefined && scheduler !== undefined) {
      yield* scheduler.logs(job.handle, { offset, follow, signal })
      return
    }
    if (!follow || !canStart(job) || scheduler === undefined) return
  }
}

function canStart(job: Job): boolean {
  return job.desired === 'run' && !hasEnded(job.state)
}
