import { isPlatformError } from '@atrium/contract/errors.ts'
import type { JobKey, JobSpec } from '#scheduler/job.ts'
import type { JobPlacement } from '#scheduler/job-placement.ts'
import type { Submission, WaitOptions } from '#scheduler/scheduler.ts'
import { submittedPacesMs } from './hints.ts'
import { hasEnded } from './job-states.ts'
import { SlurmRefusal } from './slurm-client.ts'
import { buildHandle, type SlurmSite } from './slurm-site.ts'
import { buildSubmissions, type SubmissionGroup } from './submission.ts'

/** Submissions under way at a time: slurmctld takes them one by one anyway. */
const atOnce = 8

/**
 * Submits what Slurm does not have yet. Slurm takes the same submission twice, so it is first looked for: in what was recorded, and in the
 * queue, where one may be whose answer was lost. Should one turn up later still, only one of the two gets to run: see `JobPlacements.claim`.
 */
export async function submitJobs(
  site: SlurmSite,
  specs: readonly JobSpec[],
  { signal }: WaitOptions,
): Promise<readonly Submission[]> {
  if (specs.length === 0) return []
  const answers = new Map<JobKey, Submission>()
  const owned: JobSpec[] = []
  for (const spec of specs) {
    const obstacle = findObstacle(spec)
    if (obstacle === undefined) owned.push(spec)
    else answers.set(spec.key, { key: spec.key, outcome: 'rejected', ...obstacle })
  }
  const known = await findTried(site, owned)
  for (const key of known) answers.set(key, accept(key))
  const fresh = owned.filter(({ key }) => !known.has(key))
  await site.placements.record(new Map(fresh.map(({ key, owner }) => [key, { uid: owner.uid ?? -1 }])))
  for (const answer of await submitGroups(site, buildSubmissions(site.config, fresh), signal))
    answers.set(answer.key, answer)
  return specs.flatMap(({ key }) => answers.get(key) ?? [])
}

/** Those of them that Slurm has already. What is to be submitted is written down first, so that nobody has to look for the others. */
async function findTried(site: SlurmSite, specs: readonly JobSpec[]): Promise<ReadonlySet<JobKey>> {
  const placed = await site.placements.read(specs.map(({ key }) => key))
  const tried = specs.filter(({ key }) => placed.has(key))
  if (tried.length === 0) return new Set()
  return findSubmitted(
    site,
    tried.map(({ key, owner }) => ({ key, uid: owner.uid ?? -1 })),
  )
}

/** Why such a job can never run here. */
function findObstacle({ owner }: JobSpec): { reason: string; message: string } | undefined {
  if (owner.uid !== undefined && owner.gid !== undefined) return undefined
  const message = `${owner.login} has no account on this cluster. An administrator of the cluster can make one.`
  return { reason: 'no_account', message }
}

/** The keys that Slurm has or had already. What ended without a record of it never had its program started. */
export async function findSubmitted(
  { placements, queue, hints }: SlurmSite,
  jobs: readonly { key: JobKey; uid: number }[],
): Promise<ReadonlySet<JobKey>> {
  const placed = await placements.read(jobs.map(({ key }) => key))
  const isPlaced = ({ ref, claimedBy }: JobPlacement) => ref !== undefined || claimedBy !== undefined
  const known = new Set([...placed].flatMap(([key, placement]) => (isPlaced(placement) ? [key] : [])))
  const unknown = jobs.filter(({ key }) => !known.has(key))
  const view = await queue.look()
  const found = new Map<JobKey, Partial<JobPlacement>>()
  for (const { key, uid } of unknown) {
    const job = view.find(key, uid).find((found) => !hasEnded(found))
    if (job !== undefined) found.set(key, { uid: job.uid, ref: job.ref })
  }
  await placements.record(found)
  hints.expect([...found.keys()], submittedPacesMs)
  return new Set([...known, ...found.keys()])
}

async function submitGroups(
  site: SlurmSite,
  groups: readonly SubmissionGroup[],
  signal: AbortSignal,
): Promise<readonly Submission[]> {
  const waiting = [...groups]
  const answers: Submission[] = []
  let trouble: unknown
  const work = async () => {
    for (let group = waiting.shift(); group !== undefined && trouble === undefined; group = waiting.shift()) {
      try {
        answers.push(...(await submitGroup(site, group, signal)))
      } catch (error) {
        trouble ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, groups.length) }, work))
  site.queue.noteSubmitted()
  if (trouble !== undefined) throw trouble
  return answers
}

async function submitGroup(
  site: SlurmSite,
  { keys, submission }: SubmissionGroup,
  signal: AbortSignal,
): Promise<Submission[]> {
  try {
    const id = await site.client.submit(submission, { signal })
    const refs = keys.map(
      (key, index) => [key, { ref: keys.length > 1 ? `${id}_${index}` : String(id) }] as const,
    )
    await site.placements.record(new Map(refs))
    site.hints.expect(keys, submittedPacesMs)
    return keys.map(accept)
  } catch (error) {
    if (!(error instanceof SlurmRefusal)) {
      if (isPlatformError(error)) site.log.warn({ err: error, keys }, 'a submission was not answered')
      throw error
    }
    await site.placements.forget(keys)
    const message = `Slurm does not take it: ${error.message}`
    return keys.map((key) => ({ key, outcome: 'rejected', reason: 'refused', message }))
  }
}

function accept(key: JobKey): Submission {
  return { key, outcome: 'accepted', handle: buildHandle(key) }
}
