import type { JobExit, JobHandle } from '#scheduler/job.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import { buildEnd } from './job-end.ts'
import { isCancelDue, type JobNotes } from './job-notes.ts'
import { type Applied, applyTransitions, type ReconcileContext } from './reconcile-context.ts'
import { buildSubmitted } from './submit-jobs.ts'

const neverStarted: JobExit = { state: 'cancelled', reason: 'cancelled', message: 'It never started.' }

/**
 * Asks the scheduler to end jobs that are not wanted any more: once with their grace, and when that is long over, by force. Answers what
 * was recorded of those that had no handle.
 */
export async function stopJobs(
  context: ReconcileContext,
  scheduler: Scheduler,
  jobs: readonly { job: Job; notes: JobNotes }[],
): Promise<readonly Applied[]> {
  const { clock, settings } = context
  const due = jobs.filter(({ job, notes }) => job.handle !== undefined && isCancelDue(notes, clock, settings))
  const graces = new Set(due.map((one) => chooseGrace(one, context)))
  for (const graceMs of graces) {
    const group = due.filter((one) => chooseGrace(one, context) === graceMs)
    await cancel(context, scheduler, group, graceMs)
  }
  const unsubmitted = jobs.flatMap(({ job }) => (job.handle === undefined ? [job] : []))
  return unsubmitted.length === 0 ? [] : resolveUnsubmitted(context, scheduler, unsubmitted)
}

function chooseGrace({ job, notes }: { job: Job; notes: JobNotes }, { settings }: ReconcileContext): number {
  return notes.cancels === 0 ? (job.policy.graceMs ?? settings.graceMs) : 0
}

async function cancel(
  context: ReconcileContext,
  scheduler: Scheduler,
  group: readonly { job: Job; notes: JobNotes }[],
  graceMs: number,
): Promise<void> {
  const handles = group.flatMap(({ job }): JobHandle[] => (job.handle === undefined ? [] : [job.handle]))
  await context.reach('before-cancel')
  await scheduler.cancel(handles, { graceMs, signal: context.callSignal() })
  for (const { notes } of group) {
    notes.cancels++
    notes.lastCancelMs = context.clock.monotonic()
    notes.lastGraceMs = graceMs
  }
  await context.reach('after-cancel')
}

/**
 * Jobs stopped before their handle was recorded: a submission may have reached the scheduler before a crash. What it knows is taken over
 * and then cancelled; the others have ended. One that turns up later still is nobody's, and is reaped.
 */
async function resolveUnsubmitted(
  context: ReconcileContext,
  scheduler: Scheduler,
  jobs: readonly Job[],
): Promise<readonly Applied[]> {
  const { clock, random } = context
  const keys = jobs.map((job) => buildAttemptKey(job.key, job.attempts))
  const found = await scheduler.find(keys, { signal: context.callSignal() })
  return applyTransitions(
    context,
    jobs.map((job) => job.key),
    (job) => {
      if (job.handle !== undefined) return undefined
      const nowMs = clock.now()
      const handle = found.get(buildAttemptKey(job.key, job.attempts))
      if (handle !== undefined) return buildSubmitted(handle, nowMs)
      return buildEnd(job, neverStarted, { nowMs, endedAtMs: nowMs, random })
    },
  )
}
