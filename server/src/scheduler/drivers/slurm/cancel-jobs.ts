import type { JobHandle, JobKey } from '#scheduler/job.ts'
import { endingPacesMs } from './hints.ts'
import { hasEnded } from './job-states.ts'
import type { SlurmJob } from './slurm-client.ts'
import type { QueueView } from './slurm-queue.ts'
import type { SlurmSite } from './slurm-site.ts'

/** A job keeps its id and its owner: where a look this old has it, and nothing was submitted since, Slurm need not be asked before it is told. */
const recalledMs = 5 * 60_000

/**
 * Ends jobs. The grace is the cluster's own (KillWait of slurm.conf, 30 seconds where nothing is said): once a job is cancelled, Slurm takes
 * no more orders about it. Without any grace they are killed first.
 */
export async function cancelJobs(
  site: SlurmSite,
  handles: readonly JobHandle[],
  { graceMs, signal }: { graceMs: number; signal: AbortSignal },
): Promise<void> {
  if (handles.length === 0) return
  const placements = await site.placements.read(handles.map(({ key }) => key))
  const find = (view: QueueView) =>
    handles.map(({ key }) => findJobs(view, key, placements.get(key)?.uid).filter((job) => !hasEnded(job)))
  const recalled = site.queue.recall(recalledMs)
  const known = recalled === undefined ? [] : find(recalled)
  const isKnown = known.length > 0 && known.every((jobs) => jobs.length > 0)
  const live = (isKnown ? known : find(await site.queue.look())).flat()
  const how = graceMs > 0 ? 'end' : 'kill'
  for (const [uid, jobs] of Map.groupBy(live, (job) => job.uid)) {
    const refs = jobs.map(({ ref }) => ref)
    const { login, gid } = jobs[0] ?? { login: '', gid: -1 }
    await site.client.cancel({ login, uid, gid }, refs, { how, signal })
  }
  site.queue.expire()
  site.hints.expect(
    handles.map(({ key }) => key),
    endingPacesMs,
  )
}

/** Without a record of whose it is (an orphan of another database), whoever has it. */
function findJobs(view: QueueView, key: JobKey, uid: number | undefined): readonly SlurmJob[] {
  if (uid !== undefined) return view.find(key, uid)
  return view.live.flatMap(([liveKey, job]) => (liveKey === key ? [job] : []))
}
