import type { JobKind } from '@atrium/contract/jobs.ts'

import type { PodOptions } from './pod-options.ts'

/** Chosen by us before submission, unique for ever, visible in the scheduler; lower-case letters, digits and `-`, at most 63 characters. */
export type JobKey = string

/** Whose job this is, as the node must run it. */
export interface JobOwner {
  /** The platform's user name (any unicode text: never use it as a path or label unescaped). */
  name: string
  /** Login name on the nodes. */
  login: string
  /** Absent where the driver runs everything as one user. */
  uid?: number
  gid?: number
  /** Supplementary group ids. */
  gids?: readonly number[]
  home: string
  /** How large the home is to be. Absent: as it is for all. */
  homeBytes?: number
  /** The groups of the platform whose folders its jobs see. Their ids are among `gids`. */
  groups?: readonly JobGroup[]
  /** The folder with an entry for each of `groups`; `~/shared` is made to lead there. */
  shared?: string
}

/** A group with a folder that its members share. */
export interface JobGroup {
  /** The platform's name of it (any unicode text: never use it as a path or label unescaped). */
  name: string
  /** Names its folder: safe as one part of a path. */
  folder: string
  gid: number
}

export interface JobResources {
  /** Cores; fractions allowed. Absent: not limited. */
  cpu?: number
  memoryBytes?: number
  gpu?: number
  /** A whole node to itself. */
  exclusive?: boolean
}

/** How a batch system is to queue the job. Drivers that have no such things take no notice. */
export interface QueueOptions {
  /** Absent: `nodePool`, or the site's default. */
  partition?: string
  account?: string
  qos?: string
  /** Features of nodes, in the scheduler's own syntax. */
  constraint?: string
  reservation?: string
  /** Which kind of GPU `resources.gpu` counts, by the site's own word: `a100`. Absent: any. */
  gpuType?: string
  /** Generic resources besides `resources.gpu`, in the scheduler's own syntax: `nvme:1`. */
  gres?: string
}

/** Where a preloaded interpreter may start this job instead of a cold process; the outcome is the same. */
export interface WarmEntry {
  /** Environment prefix whose fork server is asked. */
  prefix: string
  /** `module:function`, what the console script named by `command[0]` would call. */
  entry: string
}

/**
 * The MPI of a job's tasks: `openmpi`, `mpich` (with all that has its ABI), `none`, or `auto` for what the program itself is made of, which
 * shows on the node.
 */
export type TaskMpi = 'auto' | 'openmpi' | 'mpich' | 'none'

/** Everything a driver needs to run one job. Plain data: it is stored as JSON. */
export interface JobSpec {
  key: JobKey
  kind: JobKind
  owner: JobOwner
  /** argv, never a shell string. `{port:NAME}` is replaced by the port the node gave. */
  command: readonly [string, ...string[]]
  /** May hold secrets: drivers never show it in argv, labels, comments or logs. `{port:NAME}` is replaced here too. */
  environment: Readonly<Record<string, string>>
  workingDirectory: string
  resources: JobResources
  /**
   * How many `resources` it gets: N ranks or engines, 1 for most servers. Batch jobs and engines run the command once for each, told apart
   * by `ATRIUM_TASK_INDEX`. A server is one program all the same, on the first node, which starts the others itself (`srun`, `mpirun`).
   */
  tasks: number
  /** How several tasks find each other. Absent: not at all, or as the scheduler's site has it. */
  mpi?: TaskMpi
  /** Nodes that `tasks` are spread over. Absent: the scheduler's choice. */
  nodes?: number
  /** Names of ports the job listens on; the node picks the numbers and reports them. */
  ports: readonly string[]
  /** Of drivers that run containers. Absent: the driver's own. */
  image?: string
  nodePool?: string
  queue?: QueueOptions
  pod?: PodOptions
  preemptible?: boolean
  timeLimitMs?: number
  warm?: WarmEntry
  /** Shown by the scheduler's own tools; no secrets, no user text. */
  labels: Readonly<Record<string, string>>
}

/** What `submit` answers and the store keeps. `ref` is the driver's own, opaque and versioned. */
export interface JobHandle {
  key: JobKey
  driver: string
  version: number
  ref: string
}

/** Where a running job answers. */
export interface JobEndpoint {
  host: string
  /** By the names in `JobSpec.ports`. */
  ports: Readonly<Record<string, number>>
}

/** Why a job ended, where a driver can tell; drivers may add their own. Stable: metrics and the portal use them. */
export const exitReasons = [
  /** It ended by itself: see `exitCode` (or `signal`). */
  'exit_status',
  /** Its command could not be started at all. */
  'start_failed',
  'out_of_memory',
  /** It wrote more than it may. */
  'out_of_storage',
  'time_limit',
  'node_lost',
  'cancelled',
  'preempted',
  /** It is gone and nobody saw how. */
  'not_observed',
] as const

/** How a job ended. */
export interface JobExit {
  state: 'succeeded' | 'failed' | 'cancelled' | 'preempted'
  exitCode?: number
  signal?: string
  /** One of `exitReasons`, or a driver's own: short, lower case with `_`. */
  reason: string
  /** One sentence for the person who started it. */
  message: string
}

/** What a job had to itself, times how long: what is accounted for, used or not. Summed over nodes and restarts. */
export interface AllocatedUse {
  coreSeconds: number
  gpuSeconds: number
  /** Bytes times seconds. */
  memoryByteSeconds: number
}

/** What is true of a job now, as the scheduler sees it. */
export type Observation =
  | { state: 'pending'; reason?: string; estimatedStartMs?: number; place?: number }
  /** `reason`: why that takes long, a sentence. */
  | { state: 'starting'; node?: string; reason?: string }
  | {
      state: 'running'
      node?: string
      /** Something worth knowing while it lasts (it was suspended), a sentence. */
      reason?: string
      /** Once every port that the job asked for is listened on, by its owner: what answers there is the job. Absent again means nothing. */
      endpoint?: JobEndpoint
      startedAtMs?: number
      /** When the scheduler will end it, by its time limit or the partition's. */
      endsAtMs?: number
      memoryBytes?: number
      cpuSeconds?: number
      /** Programs of it that the kernel ended so far because the job used more memory than it may, while the job itself went on. */
      oomKills?: number
      warm?: boolean
    }
  | {
      state: 'ended'
      exit: JobExit
      /** Absent: unknown, or it never started. */
      startedAtMs?: number
      endedAtMs?: number
      allocated?: AllocatedUse
    }
  /** The scheduler knows nothing of this job: never submitted, or forgotten long after its end. */
  | { state: 'absent' }
  /** The scheduler cannot be asked. Not dead. */
  | { state: 'unknown'; why: string }
