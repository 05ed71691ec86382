import type { clusterStates } from '@atrium/contract/clusters-api.ts'

import type { User } from '#identity/users.ts'
import type { Actor } from '#observe/audit.ts'
import type { QueueOptions } from '#scheduler/job.ts'
import type { PodPlace } from '#scheduler/pod-options.ts'

export type ClusterState = (typeof clusterStates)[number]

/** What follows from a cluster's options: fixed when it is made. */
export interface ClusterSettings {
  /** Absent: the image's own Python. */
  environmentPrefix?: string
  profile?: string
  account?: string
  /** How a batch system queues its jobs, from the profile. */
  queue?: QueueOptions
  /** Where its jobs are pods: what they are, from the profile. */
  place?: PodPlace
  worker: WorkerSettings
  scheduler: { cpu: number; memoryBytes: number }
  /** More variables for the scheduler and its workers; no secrets. */
  environment: Readonly<Record<string, string>>
  /** Of each of its jobs: a worker that reaches it is replaced, with its scheduler the cluster ends. Absent: none of ours. */
  timeLimitMs?: number
  /** 0: it does not stop for being idle. */
  idleTimeoutMs: number
  /** 0: it does not stop for having no client. */
  clientTimeoutMs: number
  /** Workers it may have by configuration; absent: as many as quotas allow. */
  maximumWorkers?: number
}

export interface WorkerSettings {
  cpu: number
  threads: number
  memoryBytes: number
  gpu: number
  preemptible: boolean
}

/** A wish for a cluster, its options already checked. */
export interface ClusterRequest {
  owner: User
  actor: Actor
  /** As the client gave them, with defaults: shown again in reports. */
  options: Readonly<Record<string, unknown>>
  settings: ClusterSettings
  /** The server whose token asked. */
  serverId: number | null
}

/** A cluster as everybody may know it; who may see it decides the caller. */
export interface Cluster {
  id: number
  /** 32 hexadecimal digits. */
  name: string
  userId: number
  /** Its owner's name. */
  user: string
  serverId: number | null
  /** Name of that server, empty for the default one; undefined when there is none (any more). */
  server?: string
  state: ClusterState
  /** Why it waits, or how it ended: a sentence. */
  message?: string
  /** Short and stable, of one that is to end or has ended: `requested`, `idle`, `scheduler_failed`. */
  reason?: string
  options: Readonly<Record<string, unknown>>
  settings: ClusterSettings
  /** Key of the scheduler's job. */
  schedulerJob: string
  /** The scheduler's last lines, of one that failed. */
  logTail?: string
  workers: {
    /** As scaled by hand, or as adapting asks for now; within `limit`. */
    wanted: number
    /** Connected to the scheduler. */
    running: number
    /** In a queue, or starting. */
    waiting: number
    /** No scaling goes beyond it. */
    limit: number
  }
  /** Set while it adapts. */
  adapt?: { minimum: number; maximum: number }
  createdAtMs: number
  /** When clients could first connect. */
  startedAtMs?: number
  stoppedAtMs?: number
}

export interface ClusterWorker {
  /** What Dask calls it: its job's key. */
  name: string
  job: string
  state: 'waiting' | 'starting' | 'running' | 'closing' | 'ended'
  message?: string
  node?: string
  memoryBytes?: number
  cpuSeconds?: number
}

/** What came of a wish for another size. */
export interface Scaling {
  workers?: number
  minimum?: number
  maximum?: number
  /** Set when it got less than it asked for: a sentence in Dask Gateway's words. */
  message?: string
}

/** Bounds to adapt between; null: none. `active: false` ends it and keeps what there is. */
export interface AdaptBounds {
  minimum: number | null
  maximum: number | null
  active: boolean
}

/** What a scheduler says of itself (`dask_gateway.scheduler_preload`). Workers by name. */
export interface HeartbeatReport {
  /** Workers it wants. */
  count: number
  /** Connected, and not about to close. */
  activeWorkers: readonly string[]
  /** It closes them as soon as their data is elsewhere. */
  closingWorkers: readonly string[]
  /** They were connected once. */
  closedWorkers: readonly string[]
}

export interface ClusterStop {
  actor: Actor
  /** Short and stable: `requested`, `idle`, `no_clients`. */
  reason: string
  /** For its owner. */
  message?: string
  /** It ends as `failed`. */
  failed?: boolean
}

export interface ClusterFilter {
  userId?: number
  /** Default: those that have not ended. */
  states?: readonly ClusterState[]
  /** Newest first. Default 1,000. */
  limit?: number
}

/** Dask clusters, for the routes of both protocols. What is wanted is written down at once; whoever leads makes it so. */
export interface Clusters {
  /**
   * Writes what is wanted and returns the name at once. Throws `quota_exceeded` when it can never fit, `conflict` when the owner's home
   * belongs to somebody else.
   */
  create(request: ClusterRequest): Promise<string>
  find(name: string): Promise<Cluster | undefined>
  list(filter: ClusterFilter): Promise<readonly Cluster[]>
  /** The cluster once it is not `pending` any more, or as it is when `signal` aborts or `atMostMs` is over. */
  waitForStart(name: string, options: { atMostMs: number; signal: AbortSignal }): Promise<Cluster | undefined>
  /** Wants it ended. Repeatable; unknown and ended ones are left alone. */
  stop(name: string, options: ClusterStop): Promise<void>
  /** Every cluster of a user who is to be deleted. */
  stopAll(user: Pick<User, 'id'>, actor: Actor): Promise<void>
  /**
   * Accepted while `pending`, too. Answers what was asked for, cut to what the cluster may have. Throws `conflict` when it is to end or has
   * ended, `not_found`.
   */
  scale(name: string, workers: number, actor: Actor): Promise<Scaling>
  /** As `scale`. */
  adapt(name: string, bounds: AdaptBounds, actor: Actor): Promise<Scaling>
  /** From the scheduler itself, proved by the cluster's token. False for one that has ended. */
  verifyToken(name: string, token: string): Promise<boolean>
  heartbeat(name: string, report: HeartbeatReport): Promise<void>
  /** Certificate and key of a running cluster, PEM; undefined otherwise. */
  readCredentials(name: string): Promise<{ certificate: string; key: string } | undefined>
  /** Of one cluster, those that ended lately included. */
  workers(name: string): Promise<readonly ClusterWorker[]>
}
