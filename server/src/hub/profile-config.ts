import type { QueueOptions } from '#scheduler/job.ts'
import type { PodPlace } from '#scheduler/pod-options.ts'

/** When a server counts as forgotten and is stopped. */
export interface IdleSettings {
  /** False: never stopped by itself. */
  stop: boolean
  /** Stopped after this long without use. */
  afterMs: number
  /** The warning comes this long before the stop. */
  warningMs: number
  /** Cores above which it counts as in use, whatever the kernels say. */
  cpuCores: number
}

/** Who may choose a profile. All three empty: everybody. */
export interface ProfileAudience {
  users: readonly string[]
  groups: readonly string[]
  roles: readonly string[]
}

/** A named choice of resources and environment, as an administrator wrote it. */
export interface ProfileConfig extends PodPlace {
  /** What `user_options.profile` says. */
  name: string
  title?: string
  description?: string
  /** Cores. */
  cpu?: number
  memoryBytes?: number
  gpu?: number
  /** Prefix of the Python environment. Absent: the platform's own. */
  environmentPrefix?: string
  /** The server is stopped after this long. */
  timeLimitMs?: number
  /** How a batch system queues it. */
  queue?: QueueOptions
  /** A whole node to itself. */
  exclusive?: boolean
  nodes?: number
  /** How often its resources are given. Absent: once. */
  tasks?: number
  /** May be taken away for more important jobs; it goes back into the queue by itself then. */
  preemptible?: boolean
  audience?: Partial<ProfileAudience>
  /** Chosen when nothing is said. Absent everywhere: the first. */
  isDefault?: boolean
  /** What differs from the platform's idle settings. */
  idle?: Partial<IdleSettings>
}

/** Profiles and what holds for all of them. */
export interface ProfilesConfig {
  /** Empty: one profile without limits. */
  profiles: readonly ProfileConfig[]
  idle: IdleSettings
}
