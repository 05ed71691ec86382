import type { JobHandle, JobKey, JobSpec } from '#scheduler/job.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import { buildLaunch } from '#scheduler/job-launch.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Scheduler, Submission } from '#scheduler/scheduler.ts'
import { buildRejection } from './job-end.ts'
import {
  type Applied,
  applyTransitions,
  isSchedulerTrouble,
  type ReconcileContext,
} from './reconcile-context.ts'
import type { Transition } from './transition.ts'

const delayMs = 3000

/**
 * Submits jobs in batches and records their handles. Every start has a key of its own that was recorded before, so whatever dies in
 * between, the same call again starts nothing twice. Answers what was recorded; throws what the scheduler throws.
 */
export async function submitJobs(
  context: ReconcileContext,
  scheduler: Scheduler,
  jobs: readonly Job[],
): Promise<Applied[]> {
  const applied: Applied[] = []
  const { batchSize } = context.settings
  for (let start = 0; start < jobs.length; start += batchSize) {
    const batch = jobs.slice(start, start + batchSize)
    const { specs, refused } = await buildSpecs(context, batch)
    await context.reach('before-submit')
    const submissions = await submitApart(context, scheduler, specs)
    await context.reach('after-submit-before-store')
    applied.push(...(await storeSubmissions(context, batch, [...submissions, ...refused])))
    await context.reach('after-store-handle')
  }
  return applied
}

/** What the scheduler sees: the attempt's key, and the secrets in their place. Jobs whose secrets cannot be read any more are refused. */
async function buildSpecs(
  { jobs, box }: ReconcileContext,
  batch: readonly Job[],
): Promise<{ specs: JobSpec[]; refused: Submission[] }> {
  const sealed = await jobs.readSecrets(batch.map((job) => job.key))
  const specs: JobSpec[] = []
  const refused: Submission[] = []
  for (const job of batch) {
    const spec = buildLaunch(job, sealed.get(job.key), box)
    if (spec !== undefined) specs.push(spec)
    else {
      const key = buildAttemptKey(job.key, job.attempts)
      const message = 'Its secrets cannot be read any more. Start it anew.'
      refused.push({ key, outcome: 'rejected', reason: 'secrets_unreadable', message })
    }
  }
  return { specs, refused }
}

/** One call; when it fails for another reason than the scheduler's absence, halves, until the spec that breaks it stands alone and is rejected. */
async function submitApart(
  context: ReconcileContext,
  scheduler: Scheduler,
  specs: readonly JobSpec[],
): Promise<readonly Submission[]> {
  const { signal, log } = context
  if (specs.length === 0) return []
  try {
    return await scheduler.submit(specs, { signal: context.callSignal() })
  } catch (error) {
    const [only] = specs
    if (signal.aborted || isSchedulerTrouble(error) || only === undefined) throw error
    if (specs.length === 1) {
      log.error({ err: error, key: only.key }, 'a job could not be submitted')
      const message = 'The scheduler could not take it. The log has the details.'
      return [{ key: only.key, outcome: 'rejected', reason: 'submit_failed', message }]
    }
    const middle = Math.ceil(specs.length / 2)
    const first = await submitApart(context, scheduler, specs.slice(0, middle))
    return [...first, ...(await submitApart(context, scheduler, specs.slice(middle)))]
  }
}

async function storeSubmissions(
  context: ReconcileContext,
  batch: readonly Job[],
  submissions: readonly Submission[],
): Promise<Applied[]> {
  const answers = new Map<JobKey, Submission>(submissions.map((answer) => [answer.key, answer]))
  const { clock, random } = context
  return applyTransitions(
    context,
    batch.map((job) => job.key),
    (job) => {
      const answer = answers.get(buildAttemptKey(job.key, job.attempts))
      if (answer === undefined || job.handle !== undefined) return undefined
      const nowMs = clock.now()
      if (answer.outcome === 'accepted') return buildSubmitted(answer.handle, nowMs)
      if (answer.outcome === 'delayed') return buildDelay(job, answer, nowMs)
      return buildRejection(job, answer, { nowMs, random })
    },
  )
}

/** The same start, tried again soon; its owner is told why once. */
function buildDelay(
  job: Job,
  { reason, message }: { reason: string; message: string },
  nowMs: number,
): Transition {
  return {
    change: { reason, message, retryAtMs: nowMs + delayMs },
    events: job.message === message ? [] : [{ kind: 'warning', message }],
  }
}

/** What is recorded of a job that the scheduler has. */
export function buildSubmitted(handle: JobHandle, nowMs: number): Transition {
  return {
    change: { handle, submittedAtMs: nowMs, retryAtMs: null, reason: null, message: null },
    events: [{ kind: 'progress', message: 'Handed to the scheduler', progress: 10 }],
  }
}
