import type { JobHandle } from '#scheduler/job.ts'
import { parseAttemptKey } from '#scheduler/job-key.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import type { ReconcileContext } from './reconcile-context.ts'

/**
 * Ends what runs on the scheduler and nobody wants: jobs without a record, of an ended job, of an earlier start, or a second one of the
 * same start. What is wanted but has no handle yet is left alone: submitting again takes it over.
 */
export async function sweepOrphans(context: ReconcileContext, scheduler: Scheduler): Promise<void> {
  const { jobs, log, settings } = context
  // The list first: whatever is in it was recorded before.
  const handles = await scheduler.list({ signal: context.callSignal() })
  if (handles.length === 0) return
  const keys = handles.flatMap((handle) => parseAttemptKey(handle.key)?.key ?? [])
  const records = await jobs.find([...new Set(keys)])
  const orphans = handles.filter((handle) => isOrphan(handle, records))
  if (orphans.length === 0) return
  log.warn(
    { driver: scheduler.driver, jobs: orphans.map((handle) => handle.key) },
    'ending jobs that nobody wants',
  )
  await scheduler.cancel(orphans, { graceMs: settings.graceMs, signal: context.callSignal() })
}

function isOrphan(handle: JobHandle, records: ReadonlyMap<string, Job>): boolean {
  const parsed = parseAttemptKey(handle.key)
  // Not a key of ours, whatever the driver thinks: hands off.
  if (parsed === undefined) return false
  const job = records.get(parsed.key)
  if (job === undefined || job.endedAtMs !== undefined || job.state === 'queued') return true
  if (job.attempts !== parsed.attempt || job.driver !== handle.driver) return true
  return job.handle !== undefined && job.handle.ref !== handle.ref
}
