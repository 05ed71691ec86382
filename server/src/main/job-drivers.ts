import type { Config } from '#config/schema.ts'
import type { ServerSettings } from '#hub/server-job.ts'
import type { ServiceJobSettings } from '#hub/service-job.ts'
import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { NodeDoor } from '#scheduler/node-door.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import type { Homes } from '#storage/homes.ts'
import type { Store } from '#store/store.ts'

import type { HomeStorage } from './home-spaces.ts'
import { openKubernetesDrivers } from './kubernetes-driver.ts'
import { openLocalDrivers } from './local-driver.ts'
import type { OwnerGroups } from './owner-groups.ts'
import { openSlurmDrivers } from './slurm-driver.ts'
import type { StartOptions } from './start-options.ts'

/** What a driver is opened with. */
export interface JobDriverOptions {
  start: StartOptions
  /** Of the default environment. */
  python: string
  /** Where browsers reach the edge. */
  publicUrl: string
  store: Store
  box: SealedBox
  clock: Clock
  log: Logger
}

/** How jobs run on this platform, and what follows from it for those who want them run. */
export interface JobDrivers {
  /** By the names that requests may use. */
  readonly schedulers: Readonly<Record<string, Scheduler>>
  readonly defaultDriver: string
  readonly accounts: UnixAccounts
  readonly homes: Homes
  /** Folders of a user's groups; undefined where the platform has none. */
  readonly groups: OwnerGroups | undefined
  /** What homes hold; undefined where the platform does not see them. */
  readonly homeStorage: HomeStorage | undefined
  /** Of notebook servers, and as far as they have them of all jobs. */
  readonly servers: Pick<
    ServerSettings,
    'hubUrl' | 'bindHost' | 'warmStart' | 'clientFolder' | 'environmentPrefix'
  >
  /** Of services that the platform runs. */
  readonly services: Pick<ServiceJobSettings, 'hubUrl' | 'driver'>
  /** Of Dask clusters: workers of one, where neither configuration nor quotas say how many. */
  readonly clusters: { maximumWorkers: number }
  /** Where jobs on nodes fetch themselves; undefined where they run on this machine. */
  readonly nodeDoor: NodeDoor | undefined
  /** Makes the first start of the day as quick as the next one; says so in the log when it cannot. */
  preload(): Promise<void>
  /** Ends processes that would look after jobs: there are none any more. */
  endHelpers(): Promise<void>
  /** Lets go of connections; jobs run on. */
  close(): Promise<void>
}

const openers = {
  local: openLocalDrivers,
  slurm: openSlurmDrivers,
  kubernetes: openKubernetesDrivers,
} satisfies Record<Config['scheduler']['driver'], (options: JobDriverOptions) => Promise<JobDrivers>>

/** Opens what the configuration asks for. Throws a `bad_request` that says what to change where it cannot work. */
export function openJobDrivers(options: JobDriverOptions): Promise<JobDrivers> {
  return openers[options.start.config.scheduler.driver](options)
}
