import type { JobKey, Observation } from '#scheduler/job.ts'
import type { NewJobEvent } from '#scheduler/job-events.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { JobChange } from '#scheduler/job-rows.ts'
import { openSecrets } from '#scheduler/job-secrets.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import { isFailure } from './job-end.ts'
import type { JobNotes } from './job-notes.ts'
import { buildTransition } from './job-transition.ts'
import { readLogTail } from './read-log-tail.ts'
import { type Applied, applyTransitions, type ReconcileContext } from './reconcile-context.ts'
import type { Transition } from './transition.ts'

/** What a look at jobs brought. */
export interface Look {
  applied: readonly Applied[]
  /** Why the scheduler could not be asked about any of them; absent when it could. */
  why?: string
}

/** A job with a handle, and what is remembered of it. */
export interface Watched {
  job: Job
  notes: JobNotes
}

/** Asks the scheduler once about all of them and records what is news. */
export async function observeJobs(
  context: ReconcileContext,
  scheduler: Scheduler,
  watched: readonly Watched[],
): Promise<Look> {
  const handles = watched.flatMap(({ job }) => (job.handle === undefined ? [] : [job.handle]))
  const answers = await scheduler.observe(handles, { signal: context.callSignal() })
  const seen = new Map<JobKey, Observation>()
  const silences: string[] = []
  for (const { job, notes } of watched) {
    const observation = answers.get(buildAttemptKey(job.key, job.attempts))
    if (observation?.state === 'unknown') silences.push(observation.why)
    if (observation !== undefined && isWorthRecording(context, notes, observation)) {
      seen.set(job.key, observation)
    }
  }
  const applied = await recordSeen(context, scheduler, watched, seen)
  const [why] = silences
  return why !== undefined && silences.length === handles.length ? { applied, why } : { applied }
}

/** A scheduler that is silent for a moment is not worth a word. */
function isWorthRecording(
  { clock, settings }: ReconcileContext,
  notes: JobNotes,
  observation: Observation,
): boolean {
  if (observation.state !== 'unknown') {
    delete notes.unknownSinceMs
    return true
  }
  notes.unknownSinceMs ??= clock.monotonic()
  return clock.monotonic() - notes.unknownSinceMs >= settings.unknownAfterMs
}

async function recordSeen(
  context: ReconcileContext,
  scheduler: Scheduler,
  watched: readonly Watched[],
  seen: ReadonlyMap<JobKey, Observation>,
): Promise<readonly Applied[]> {
  const { clock, random } = context
  const at = { nowMs: clock.now(), random }
  const decide = (job: Job, logTail?: string): Transition | undefined => {
    const observation = seen.get(job.key)
    if (observation === undefined) return undefined
    return buildTransition(job, observation, logTail === undefined ? at : { ...at, logTail })
  }
  const changing = watched.filter(({ job, notes }) => {
    const observation = seen.get(job.key)
    if (decide(job) !== undefined) return true
    return (
      observation !== undefined && (hasNewKills(job, observation) || isUsageDue(context, notes, observation))
    )
  })
  if (changing.length === 0) return []
  const tails = await readLogTails(context, scheduler, changing, seen)
  await reachBeforeStore(context, changing, seen)
  const applied = await applyTransitions(
    context,
    changing.map(({ job }) => job.key),
    (job) => withUsage(job, decide(job, tails.get(job.key)), seen.get(job.key)),
  )
  noteUsage(context, changing)
  if (applied.some(({ transition }) => transition.givesBack)) await context.reach('after-store-end')
  return applied
}

async function reachBeforeStore(
  { reach }: ReconcileContext,
  changing: readonly Watched[],
  seen: ReadonlyMap<JobKey, Observation>,
): Promise<void> {
  const states = new Set(changing.map(({ job }) => seen.get(job.key)?.state))
  if (states.has('running')) await reach('before-store-start')
  if (states.has('ended')) await reach('before-store-end')
}

/** The last output of those that failed, all at the same time. */
async function readLogTails(
  context: ReconcileContext,
  scheduler: Scheduler,
  changing: readonly Watched[],
  seen: ReadonlyMap<JobKey, Observation>,
): Promise<ReadonlyMap<JobKey, string>> {
  const { settings, signal, jobs, box } = context
  const failed = changing.flatMap(({ job }) => {
    const observation = seen.get(job.key)
    const hasFailed = observation?.state === 'ended' && isFailure(job, observation.exit)
    return hasFailed && job.handle !== undefined ? [{ key: job.key, handle: job.handle }] : []
  })
  if (failed.length === 0) return new Map()
  const sealed = await jobs.readSecrets(failed.map(({ key }) => key))
  const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.logTailTimeoutMs)])
  const tails = await Promise.all(
    failed.map(async ({ key, handle }) => {
      const text = sealed.get(key)
      const secrets = text === undefined ? [] : Object.values(openSecrets(box, text) ?? {})
      const tail = await readLogTail(scheduler, handle, {
        bytes: settings.logTailBytes,
        signal: limit,
        secrets,
      })
      return [key, tail] as const
    }),
  )
  return new Map(tails.flatMap(([key, tail]) => (tail === undefined ? [] : [[key, tail] as const])))
}

function isUsageDue(
  { clock, settings }: ReconcileContext,
  notes: JobNotes,
  observation: Observation,
): boolean {
  if (observation.state !== 'running' || observation.memoryBytes === undefined) return false
  return notes.usageMs === undefined || clock.monotonic() - notes.usageMs >= settings.usageMs
}

function noteUsage({ clock }: ReconcileContext, changing: readonly Watched[]): void {
  for (const { notes } of changing) notes.usageMs = clock.monotonic()
}

/** A program of the job was ended for want of memory: people should know why, at once. */
function hasNewKills({ usage }: Job, observation: Observation): boolean {
  return observation.state === 'running' && (observation.oomKills ?? 0) > (usage?.oomKills ?? 0)
}

/** Use is recorded along with other news, and by itself once in a while. */
function withUsage(
  job: Job,
  transition: Transition | undefined,
  observation: Observation | undefined,
): Transition | undefined {
  if (observation?.state !== 'running') return transition
  const { memoryBytes, cpuSeconds, oomKills } = observation
  if (memoryBytes === undefined && cpuSeconds === undefined && oomKills === undefined) return transition
  const usage: JobChange['usage'] = {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    ...(oomKills === undefined ? {} : { oomKills }),
  }
  const { events = [], change = {} } = transition ?? {}
  const news = hasNewKills(job, observation) ? [outOfMemory] : []
  return { ...transition, events: [...events, ...news], change: { ...change, usage } }
}

const outOfMemory: NewJobEvent = {
  kind: 'warning',
  message: 'A program of it was ended because it used more memory than it may.',
}
