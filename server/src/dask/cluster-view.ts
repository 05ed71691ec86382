import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { QuotaLimit } from '#scheduler/quota.ts'
import type { ReadableDatabase } from '#store/store.ts'

import type { ClusterRecord } from './cluster-records.ts'
import type { Cluster, ClusterState, ClusterWorker } from './clusters.ts'
import { findWorkerLimit } from './worker-limit.ts'
import { countWorkers, type WorkerCounts, type WorkerRecord } from './worker-records.ts'

/** How a cluster is, from what is stored of it and its scheduler's job. */
export function findClusterState(record: ClusterRecord, scheduler: Job | undefined): ClusterState {
  if (record.stoppedAtMs !== null) return record.outcome ?? 'stopped'
  if (record.desired === 'stop' || scheduler === undefined || hasEnded(scheduler.state)) return 'stopping'
  return isReady(scheduler) ? 'running' : 'pending'
}

/** True while it runs and answers; `unknown` is not dead. */
export function isReady({ state, readyAtMs }: Pick<Job, 'state' | 'readyAtMs'>): boolean {
  return readyAtMs !== undefined && (state === 'running' || state === 'unknown')
}

interface ClusterViewOptions {
  db: ReadableDatabase
  jobs: Pick<Jobs, 'findMany' | 'quotas'>
  maximumWorkers: number
}

/** Records as people see them, at the cost of few queries however many there are. */
export async function viewClusters(
  { db, jobs, maximumWorkers }: ClusterViewOptions,
  records: readonly ClusterRecord[],
): Promise<readonly Cluster[]> {
  const counts = await countWorkers(
    db,
    records.map(({ id }) => id),
  )
  const schedulers = await jobs.findMany(records.map(({ schedulerJob }) => schedulerJob))
  const limits = new Map<number, readonly QuotaLimit[]>()
  for (const userId of new Set(records.map((record) => record.userId))) {
    limits.set(userId, await jobs.quotas.limitsOf({ userId }))
  }
  return records.map((record) => {
    const limit = findWorkerLimit(record.settings, limits.get(record.userId) ?? [], maximumWorkers)
    return buildCluster(record, schedulers.get(record.schedulerJob), {
      limit: limit.workers,
      counts: counts.get(record.id) ?? { connected: 0, waiting: 0, why: null },
    })
  })
}

function buildCluster(
  record: ClusterRecord,
  scheduler: Job | undefined,
  { limit, counts }: { limit: number; counts: WorkerCounts },
): Cluster {
  const state = findClusterState(record, scheduler)
  const isOver = state === 'stopped' || state === 'failed'
  return {
    id: record.id,
    name: record.name,
    userId: record.userId,
    user: record.user,
    serverId: record.serverId,
    state,
    options: record.options,
    settings: record.settings,
    schedulerJob: record.schedulerJob,
    workers: {
      wanted: isOver ? 0 : Math.min(record.wanted, limit),
      running: counts.connected,
      waiting: counts.waiting,
      limit,
    },
    createdAtMs: record.createdAtMs,
    ...dropNulls({
      server: record.server,
      message: findMessage(record, state, scheduler, counts),
      reason: record.reason,
      logTail: record.logTail,
      adapt: isOver ? null : record.adapt,
      startedAtMs: record.startedAtMs,
      stoppedAtMs: record.stoppedAtMs,
    }),
  }
}

function findMessage(
  { message, trouble }: ClusterRecord,
  state: ClusterState,
  scheduler: Job | undefined,
  { why }: WorkerCounts,
): string | null {
  if (message !== null) return message
  if (state === 'pending') return scheduler?.message ?? null
  return state === 'running' ? (trouble ?? why) : null
}

/** A worker as people see it. */
export function viewWorker(worker: WorkerRecord): ClusterWorker {
  const { job, node, message, usage } = worker
  return {
    name: job,
    job,
    state: findWorkerState(worker),
    ...dropNulls({ node, message }),
    ...(usage?.memoryBytes === undefined ? {} : { memoryBytes: usage.memoryBytes }),
    ...(usage?.cpuSeconds === undefined ? {} : { cpuSeconds: usage.cpuSeconds }),
  }
}

function findWorkerState(worker: WorkerRecord): ClusterWorker['state'] {
  const { state, endedAtMs, closingAtMs, connectedAtMs } = worker
  if (endedAtMs !== null || state === undefined || hasEnded(state)) return 'ended'
  if (closingAtMs !== null || state === 'stopping') return 'closing'
  if (connectedAtMs !== null) return 'running'
  return state === 'queued' || state === 'pending' ? 'waiting' : 'starting'
}

type WithoutNulls<T> = { [K in keyof T]?: Exclude<T[K], null> }

function dropNulls<T extends object>(fields: T): WithoutNulls<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as WithoutNulls<T>
}
