import { buildAttemptKey } from '#scheduler/job-key.ts'
import type { Job } from '#scheduler/job-record.ts'
import { jobColumns, parseJobRow } from '#scheduler/job-rows.ts'
import { splitKeys } from '#scheduler/job-store.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import type { ReconcileContext } from './reconcile-context.ts'

const atOnce = 200

/**
 * Lets schedulers forget jobs that ended long ago, output included, and later deletes their records and progress. Works in small parts and
 * by the time of the end alone, so that its cost follows what there is to do.
 */
export async function retireJobs(
  context: ReconcileContext,
  schedulers: Readonly<Record<string, Scheduler>>,
): Promise<void> {
  const { clock, settings, signal } = context
  const now = clock.now()
  for (const scheduler of Object.values(schedulers)) {
    for (;;) {
      const jobs = await listForgettable(context, scheduler.driver, now - settings.keepOutputMs)
      if (jobs.length === 0 || signal.aborted) break
      await forget(context, scheduler, jobs)
    }
  }
  while ((await deleteRecords(context, now - settings.keepRecordsMs)) > 0 && !signal.aborted);
}

async function listForgettable(
  { store }: ReconcileContext,
  driver: string,
  beforeMs: number,
): Promise<Job[]> {
  const rows = await store.db
    .selectFrom('jobs')
    .select(jobColumns)
    .where('ended_at', '<', beforeMs)
    .where('handle', 'is not', null)
    .where('driver', '=', driver)
    .limit(atOnce)
    .execute()
  return rows.map(parseJobRow)
}

/** Forgets every start of the jobs, those that failed before included. */
async function forget(context: ReconcileContext, scheduler: Scheduler, jobs: readonly Job[]): Promise<void> {
  const keys = jobs.flatMap((job) =>
    Array.from({ length: job.attempts }, (_, index) => buildAttemptKey(job.key, index + 1)),
  )
  const handles = await scheduler.find(keys, { signal: context.callSignal() })
  await scheduler.forget([...handles.values()], { signal: context.callSignal() })
  await context.fenced((tx) =>
    context.jobs.updateMany(
      tx,
      jobs.map((job) => job.key),
      { handle: null },
    ),
  )
}

async function deleteRecords({ store, fenced }: ReconcileContext, beforeMs: number): Promise<number> {
  const rows = await store.db
    .selectFrom('jobs')
    .select('key')
    .where('ended_at', '<', beforeMs)
    // What the scheduler still has of it is forgotten first.
    .where('handle', 'is', null)
    .limit(atOnce)
    .execute()
  const keys = rows.map((row) => row.key)
  await fenced(async (tx) => {
    for (const part of splitKeys(keys)) {
      await tx.db.deleteFrom('job_events').where('job_key', 'in', part).execute()
      await tx.db.deleteFrom('job_placements').where('job_key', 'in', part).execute()
      await tx.db.deleteFrom('jobs').where('key', 'in', part).execute()
    }
    for (const key of keys) tx.changed('job', key)
  })
  return keys.length
}
