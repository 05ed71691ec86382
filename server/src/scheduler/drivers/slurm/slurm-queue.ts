import { PlatformError } from '@atrium/contract/errors.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobKey } from '#scheduler/job.ts'
import { parseJobComment } from './job-comment.ts'
import { hasEnded } from './job-states.ts'
import type { SlurmClient, SlurmJob } from './slurm-client.ts'

/** What slurmctld knows at one moment. */
export interface QueueView {
  /** Jobs of ours under this key that belong to this owner: a comment is only a claim, anybody can write one. More than one after a lost answer. */
  find(key: JobKey, uid: number): readonly SlurmJob[]
  /** Jobs of ours that have not ended, with the keys their comments give them. */
  readonly live: readonly (readonly [JobKey, SlurmJob])[]
  /** 1 is next among those that wait for the same partition; undefined for jobs that do not wait. */
  findPlace(job: SlurmJob): number | undefined
}

export interface SlurmQueue {
  /**
   * One call of slurmctld for everybody who asks at about the same time. `maxAgeMs`: an answer as old as that will do, default 0.
   * Throws `scheduler_unavailable`.
   */
  look(options?: { maxAgeMs?: number }): Promise<QueueView>
  /** The last answer since anything was submitted, however old up to this age and out of date: for what does not change. No call. */
  recall(maxAgeMs: number): QueueView | undefined
  /** What was seen before this may be out of date: something was just cancelled, or is over. */
  expire(): void
  /** As `expire`, and there may be jobs that nobody has seen yet. */
  noteSubmitted(): void
}

interface Look {
  generation: number
  view: Promise<QueueView>
  /** Once it was answered. */
  doneMs?: number
}

export function createSlurmQueue(
  client: Pick<SlurmClient, 'listJobs'>,
  { instance, clock, timeoutMs }: { instance: string; clock: Clock; timeoutMs: number },
): SlurmQueue {
  let generation = 0
  /** The generation that began with the last submission. */
  let submitted = 0
  let last: Look | undefined
  let seen: { view: QueueView; atMs: number; generation: number } | undefined

  const isUsable = (look: Look, maxAgeMs: number) =>
    look.generation === generation &&
    (look.doneMs === undefined || clock.monotonic() - look.doneMs < maxAgeMs)

  return {
    look({ maxAgeMs = 0 } = {}) {
      if (last !== undefined && isUsable(last, maxAgeMs)) return last.view
      // Its own time limit: the first who asks may leave while others wait.
      const signal = AbortSignal.timeout(timeoutMs)
      const look: Look = {
        generation,
        view: client.listJobs({ signal }).then(
          (jobs) => buildQueueView(instance, jobs),
          (error: unknown) => {
            if (!signal.aborted) throw error
            const message = `Slurm did not answer within ${timeoutMs / 1000} seconds.`
            throw new PlatformError('scheduler_unavailable', { message, cause: error })
          },
        ),
      }
      last = look
      const done = (view: QueueView) => {
        look.doneMs = clock.monotonic()
        seen = { view, atMs: look.doneMs, generation: look.generation }
      }
      look.view.then(done, () => {
        if (last === look) last = undefined
      })
      return look.view
    },
    recall: (maxAgeMs) =>
      seen !== undefined && seen.generation >= submitted && clock.monotonic() - seen.atMs <= maxAgeMs
        ? seen.view
        : undefined,
    expire() {
      generation += 1
    },
    noteSubmitted() {
      generation += 1
      submitted = generation
    },
  }
}

/** Sorts what slurmctld told. */
export function buildQueueView(instance: string, jobs: readonly SlurmJob[]): QueueView {
  const ours = new Map<JobKey, SlurmJob[]>()
  for (const job of jobs) {
    const key = findKey(instance, job)
    if (key !== undefined) ours.set(key, [...(ours.get(key) ?? []), job])
  }
  let places: ReadonlyMap<string, number> | undefined
  return {
    find: (key, uid) => (ours.get(key) ?? []).filter((job) => job.uid === uid),
    live: [...ours].flatMap(([key, found]) =>
      found.filter((job) => !hasEnded(job)).map((job) => [key, job] as const),
    ),
    findPlace(job) {
      places ??= buildPlaces(jobs)
      return places.get(job.ref)
    },
  }
}

function findKey(instance: string, { comment, ref }: SlurmJob): JobKey | undefined {
  const keys = parseJobComment(instance, comment)
  const [, task] = ref.split('_')
  return keys[Number(task ?? 0)]
}

function buildPlaces(jobs: readonly SlurmJob[]): ReadonlyMap<string, number> {
  const waiting = jobs
    .filter(({ states }) => states[0] === 'PENDING')
    .toSorted((a, b) => b.priority - a.priority || (a.submitMs ?? 0) - (b.submitMs ?? 0))
  const counts = new Map<string, number>()
  const places = new Map<string, number>()
  for (const { ref, partition } of waiting) {
    const place = (counts.get(partition) ?? 0) + 1
    counts.set(partition, place)
    places.set(ref, place)
  }
  return places
}
