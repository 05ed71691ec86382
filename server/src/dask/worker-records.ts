import type { JobState } from '@atrium/contract/jobs.ts'
import { sql } from 'kysely'

import type { JobKey } from '#scheduler/job.ts'
import type { JobUsage } from '#scheduler/job-record.ts'
import type { ReadableDatabase, StoreTransaction } from '#store/store.ts'

/** A worker with as much of its job as is decided by: a cluster may have thousands. */
export interface WorkerRecord {
  /** Key of its job, and what Dask calls it. */
  job: JobKey
  createdAtMs: number
  /** When its scheduler said first that it is there. */
  connectedAtMs: number | null
  /** Its end is wanted since then. */
  closingAtMs: number | null
  endedAtMs: number | null
  /** Undefined: the job's record is gone, long after its end. */
  state: JobState | undefined
  desired: 'run' | 'stop'
  reason: string | null
  message: string | null
  node: string | null
  usage: JobUsage | undefined
}

/** Statements are kept far below the parameters that both databases take. */
const perStatement = 500

/** The cluster's workers that have not ended, or the last that have, the oldest first. */
export async function listWorkers(
  db: ReadableDatabase,
  clusterId: number,
  { isOver = false, limit = Number.MAX_SAFE_INTEGER }: { isOver?: boolean; limit?: number } = {},
): Promise<readonly WorkerRecord[]> {
  const rows = await db
    .selectFrom('dask_workers as w')
    .leftJoin('jobs', 'jobs.key', 'w.job_key')
    .select([
      'w.job_key as job',
      'w.created_at as createdAtMs',
      'w.connected_at as connectedAtMs',
      'w.closing_at as closingAtMs',
      'w.ended_at as endedAtMs',
      'jobs.state',
      'jobs.desired',
      'jobs.reason',
      'jobs.message',
      'jobs.node',
      'jobs.usage',
    ])
    .where('w.cluster_id', '=', clusterId)
    .where('w.ended_at', isOver ? 'is not' : 'is', null)
    .orderBy('w.created_at', 'desc')
    .orderBy('w.job_key')
    .limit(limit)
    .execute()
  return rows.reverse().map(({ state, desired, usage, ...row }) => ({
    ...row,
    state: state ?? undefined,
    desired: desired ?? 'stop',
    usage: usage === null ? undefined : (JSON.parse(usage) as JobUsage),
  }))
}

/** How many workers there are of each kind, and why one waits. */
export interface WorkerCounts {
  connected: number
  waiting: number
  why: string | null
}

/** By cluster; clusters without any worker are absent. */
export async function countWorkers(
  db: ReadableDatabase,
  clusterIds: readonly number[],
): Promise<ReadonlyMap<number, WorkerCounts>> {
  const counts = new Map<number, WorkerCounts>()
  for (let start = 0; start < clusterIds.length; start += perStatement) {
    const rows = await db
      .selectFrom('dask_workers as w')
      .leftJoin('jobs', 'jobs.key', 'w.job_key')
      .select([
        'w.cluster_id as id',
        sql<number>`sum(case when w.connected_at is not null then 1 else 0 end)`.as('connected'),
        sql<number>`sum(case when w.connected_at is null and w.closing_at is null then 1 else 0 end)`.as(
          'waiting',
        ),
        sql<string | null>`max(case when jobs.state in ('queued', 'pending') then jobs.message end)`.as(
          'why',
        ),
      ])
      .where('w.ended_at', 'is', null)
      .where('w.cluster_id', 'in', clusterIds.slice(start, start + perStatement))
      .groupBy('w.cluster_id')
      .execute()
    for (const { id, ...row } of rows) counts.set(id, row)
  }
  return counts
}

/** True when any worker of the cluster was ever connected. */
export async function hasEverConnected(db: ReadableDatabase, clusterId: number): Promise<boolean> {
  const row = await db
    .selectFrom('dask_workers')
    .select('job_key')
    .where('cluster_id', '=', clusterId)
    .where('connected_at', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function insertWorkers(
  tx: StoreTransaction,
  clusterId: number,
  jobs: readonly JobKey[],
  nowMs: number,
): Promise<void> {
  const rows = jobs.map((job_key) => ({
    job_key,
    cluster_id: clusterId,
    created_at: nowMs,
    connected_at: null,
    closing_at: null,
    ended_at: null,
  }))
  for (let start = 0; start < rows.length; start += perStatement) {
    await tx.db
      .insertInto('dask_workers')
      .values(rows.slice(start, start + perStatement))
      .execute()
  }
}

/** Sets the same of many workers. */
export async function markWorkers(
  tx: StoreTransaction,
  jobs: readonly JobKey[],
  change: { connected_at?: number; closing_at?: number; ended_at?: number },
): Promise<void> {
  for (let start = 0; start < jobs.length; start += perStatement) {
    await tx.db
      .updateTable('dask_workers')
      .set(change)
      .where('job_key', 'in', jobs.slice(start, start + perStatement))
      .execute()
  }
}
