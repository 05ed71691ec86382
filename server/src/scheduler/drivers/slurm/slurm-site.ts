import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobHandle, JobKey } from '#scheduler/job.ts'
import type { JobPlacements } from '#scheduler/job-placement.ts'
import type { Hints } from './hints.ts'
import type { SlurmClient } from './slurm-client.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'
import type { SlurmQueue } from './slurm-queue.ts'

/** The name in handles. */
export const driverName = 'slurm'
const handleVersion = 1

/** What the parts of the driver share. */
export interface SlurmSite {
  config: SlurmSchedulerConfig
  client: SlurmClient
  queue: SlurmQueue
  placements: JobPlacements
  hints: Hints
  clock: Clock
  log: Logger
}

/** Slurm's own id of a job is found by its placement, and can change: a handle has none of it. */
export function buildHandle(key: JobKey): JobHandle {
  return { key, driver: driverName, version: handleVersion, ref: key }
}
