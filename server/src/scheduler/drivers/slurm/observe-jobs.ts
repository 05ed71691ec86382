import { isPlatformError } from '@atrium/contract/errors.ts'
import type { JobHandle, JobKey, Observation } from '#scheduler/job.ts'
import type { JobPlacement } from '#scheduler/job-placement.ts'
import type { WaitOptions } from '#scheduler/scheduler.ts'
import { buildObservation, hasEnded } from './job-states.ts'
import { buildReportedExit } from './program-exit.ts'
import type { SlurmJob } from './slurm-client.ts'
import type { QueueView } from './slurm-queue.ts'
import type { SlurmSite } from './slurm-site.ts'

/** One look at the queue for all, and one at accounting for those that have left it. */
export async function observeJobs(
  site: SlurmSite,
  handles: readonly JobHandle[],
  { signal }: WaitOptions,
): Promise<ReadonlyMap<JobKey, Observation>> {
  const seen = new Map<JobKey, Observation>()
  if (handles.length === 0) return seen
  const placements = await site.placements.read(handles.map(({ key }) => key))
  let view: QueueView
  try {
    view = await site.queue.look()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return new Map(handles.map(({ key }) => [key, { state: 'unknown', why }]))
  }
  const gone = new Map<JobKey, JobPlacement>()
  const extras: SlurmJob[] = []
  for (const { key } of handles) {
    const placement = placements.get(key)
    if (placement === undefined) seen.set(key, { state: 'absent' })
    else {
      const { chosen, others } = choose(view.find(key, placement.uid), placement)
      extras.push(...others.filter((job) => !hasEnded(job)))
      if (chosen === undefined) gone.set(key, placement)
      else seen.set(key, observeOne(site, chosen, placement, view))
    }
  }
  for (const [key, observation] of await observeGone(site, gone, signal)) seen.set(key, observation)
  for (const [key, { state }] of seen) if (state === 'ended' || state === 'absent') site.hints.settle(key)
  await cancelExtras(site, extras, signal)
  return seen
}

function observeOne(
  { clock }: SlurmSite,
  job: SlurmJob,
  placement: JobPlacement,
  view: QueueView,
): Observation {
  const place = view.findPlace(job)
  return buildObservation(job, placement, { nowMs: clock.now(), ...(place === undefined ? {} : { place }) })
}

/** Of several under one key: the one that has the job, else the first that still may get it. */
function choose(
  found: readonly SlurmJob[],
  { claimedBy, ref }: JobPlacement,
): { chosen: SlurmJob | undefined; others: readonly SlurmJob[] } {
  const wanted = claimedBy ?? ref
  const chosen = found.find((job) => job.ref === wanted) ?? (claimedBy === undefined ? found[0] : undefined)
  return { chosen, others: found.filter((job) => job !== chosen) }
}

/** Submitted twice because an answer was lost: what is not needed goes. It could not run the job anyway. */
async function cancelExtras(
  site: SlurmSite,
  extras: readonly SlurmJob[],
  signal: AbortSignal,
): Promise<void> {
  for (const { ref, login, uid, gid } of extras) {
    site.log.warn({ job: ref }, 'ending a job that was submitted twice')
    await site.client.cancel({ login, uid, gid }, [ref], { how: 'kill', signal }).catch((error: unknown) => {
      site.log.warn({ err: error, job: ref }, 'a job that was submitted twice could not be ended')
    })
  }
}

async function observeGone(
  site: SlurmSite,
  gone: ReadonlyMap<JobKey, JobPlacement>,
  signal: AbortSignal,
): Promise<ReadonlyMap<JobKey, Observation>> {
  if (gone.size === 0) return new Map()
  const refs = [...gone.values()].flatMap(({ claimedBy, ref }) => claimedBy ?? ref ?? [])
  try {
    const ended = refs.length === 0 ? [] : await site.client.listEnded(refs, { signal })
    const byRef = new Map(ended.map((job) => [job.ref, job]))
    return new Map([...gone].map(([key, placement]) => [key, judgeGone(site, placement, byRef)]))
  } catch (error) {
    if (!isPlatformError(error, 'scheduler_unavailable')) throw error
    // Accounting is away, or there is none: what the job said of its own end must do.
    return new Map(
      [...gone].map(([key, placement]) => [
        key,
        judgeReported(placement) ?? { state: 'unknown', why: error.message },
      ]),
    )
  }
}

function judgeGone(
  { clock }: SlurmSite,
  placement: JobPlacement,
  accounted: ReadonlyMap<string, SlurmJob>,
): Observation {
  const job = accounted.get(placement.claimedBy ?? placement.ref ?? '')
  // Accounting may be behind: a job that has left the queue does not run, whatever is still written there.
  if (job !== undefined && hasEnded(job) && job.uid === placement.uid)
    return buildObservation(job, placement, { nowMs: clock.now() })
  return judgeReported(placement) ?? { state: 'absent' }
}

function judgeReported(placement: JobPlacement): Observation | undefined {
  const exit = buildReportedExit(placement)
  if (exit === undefined) return undefined
  const atMs = placement.exit?.atMs
  return { state: 'ended', exit, ...(atMs === undefined ? {} : { endedAtMs: atMs }) }
}
