import type { Clock } from '#platform/clock.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { JobWait } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'

/** Whoever waits asks every second or so; the queue is read once for all of them. */
const freshMs = 2000

/** Places in the queue, at most a little old. */
export interface Places {
  find(key: JobKey): Promise<JobWait | undefined>
}

/** See `Places`. */
export function createPlaces({ jobs, clock }: { jobs: Pick<Jobs, 'listPlaces'>; clock: Clock }): Places {
  let known: { atMs: number; places: ReturnType<Jobs['listPlaces']> } | undefined
  return {
    async find(key) {
      if (known === undefined || clock.monotonic() - known.atMs > freshMs) {
        const fresh = { atMs: clock.monotonic(), places: jobs.listPlaces() }
        known = fresh
        fresh.places.catch(() => {
          if (known === fresh) known = undefined
        })
      }
      return (await known.places).get(key)
    },
  }
}
