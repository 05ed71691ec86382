import type { JobHandle, JobKey } from '#scheduler/job.ts'
import { endingPacesMs } from './hints.ts'
import { hasEnded } from './job-states.ts'
import type { SlurmJob } from './slurm-client.ts'
import type { QueueView } from './slurm-queue.ts'
import type { SlurmSite } from './slurm-site.ts'

/** Below this a grace is none. */
const shortestGraceMs = 50

/** Ends jobs with a grace that can be shorter than Slurm's own (KillWait), which is kept as the longest. */
export interface Canceller {
  cancel(handles: readonly JobHandle[], options: { graceMs: number; signal: AbortSignal }): Promise<void>
  close(): void
}

export function createCanceller(site: SlurmSite): Canceller {
  const timers = new Set<NodeJS.Timeout>()

  const end = async (jobs: readonly SlurmJob[], how: 'end' | 'kill', signal: AbortSignal) => {
    for (const group of groupByOwner(jobs)) {
      const [first] = group
      if (first === undefined) continue
      const owner = { login: first.login, uid: first.uid, gid: first.gid }
      await site.client.cancel(
        owner,
        group.map(({ ref }) => ref),
        { how, signal },
      )
    }
    site.queue.expire()
  }

  const killLater = (jobs: readonly SlurmJob[], graceMs: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      end(jobs, 'kill', AbortSignal.timeout(site.config.callTimeoutMs)).catch((error: unknown) => {
        // Slurm's own grace ends it, or the next cancel.
        site.log.warn({ err: error, jobs: jobs.map(({ ref }) => ref) }, 'jobs could not be ended by force')
      })
    }, graceMs)
    timer.unref()
    timers.add(timer)
  }

  return {
    async cancel(handles, { graceMs, signal }) {
      if (handles.length === 0) return
      const placements = await site.placements.read(handles.map(({ key }) => key))
      const view = await site.queue.look()
      const jobs = handles.flatMap(({ key }) => findJobs(view, key, placements.get(key)?.uid))
      const live = jobs.filter((job) => !hasEnded(job))
      if (live.length === 0) return
      const isPatient = graceMs >= shortestGraceMs
      await end(live, isPatient ? 'end' : 'kill', signal)
      if (isPatient) killLater(live, graceMs)
      site.hints.expect(
        handles.map(({ key }) => key),
        endingPacesMs,
      )
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

/** Without a record of whose it is (an orphan of another database), whoever has it. */
function findJobs(view: QueueView, key: JobKey, uid: number | undefined): readonly SlurmJob[] {
  if (uid !== undefined) return view.find(key, uid)
  return view.live.flatMap(([liveKey, job]) => (liveKey === key ? [job] : []))
}

function groupByOwner(jobs: readonly SlurmJob[]): readonly (readonly SlurmJob[])[] {
  return [...Map.groupBy(jobs, ({ uid }) => uid).values()]
}
