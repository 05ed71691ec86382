import { sql } from 'kysely'

import type { JobKey } from '#scheduler/job.ts'
import type { ReadableDatabase, StoreTransaction } from '#store/store.ts'

import type { ClusterSettings } from './clusters.ts'

/** A cluster as stored: what is wanted of it, and what its scheduler said last. */
export interface ClusterRecord {
  id: number
  name: string
  userId: number
  /** Its owner's name. */
  user: string
  serverId: number | null
  /** Name of the server that asked, if it is there. */
  server: string | null
  desired: 'run' | 'stop'
  outcome: 'stopped' | 'failed' | null
  reason: string | null
  message: string | null
  logTail: string | null
  options: Readonly<Record<string, unknown>>
  settings: ClusterSettings
  schedulerJob: JobKey
  wanted: number
  adapt: { minimum: number; maximum: number } | null
  wish: number
  wishTold: number
  reported: number | null
  losses: number
  lostAtMs: number | null
  replaceAtMs: number | null
  trouble: string | null
  createdAtMs: number
  startedAtMs: number | null
  stoppedAtMs: number | null
  /** SHA-256 of the scheduler's token. */
  tokenHash: string
}

/** What can change of a record. */
export type ClusterChange = Partial<
  Pick<
    ClusterRecord,
    | 'desired'
    | 'outcome'
    | 'reason'
    | 'message'
    | 'logTail'
    | 'wanted'
    | 'adapt'
    | 'wish'
    | 'wishTold'
    | 'reported'
    | 'losses'
    | 'lostAtMs'
    | 'replaceAtMs'
    | 'trouble'
    | 'startedAtMs'
    | 'stoppedAtMs'
  >
> & { secrets?: null }

/** What the scheduler knows a cluster's jobs by. */
export function buildClusterSubject(id: number): string {
  return `cluster:${id}`
}

/** The cluster a job is of; undefined for other kinds of jobs. */
export function parseClusterSubject(subject: string): number | undefined {
  const match = /^cluster:(\d+)$/.exec(subject)
  return match === null ? undefined : Number(match[1])
}

export async function findCluster(
  db: ReadableDatabase,
  by: { name: string } | { id: number },
): Promise<ClusterRecord | undefined> {
  const query = selectClusters(db)
  const one = 'name' in by ? query.where('c.name', '=', by.name) : query.where('c.id', '=', by.id)
  const row = await one.executeTakeFirst()
  return row === undefined ? undefined : parseRow(row)
}

/** The cluster, locked until the transaction ends. */
export async function lockCluster(
  tx: StoreTransaction,
  by: { name: string } | { id: number },
): Promise<ClusterRecord | undefined> {
  // SQLite knows no `for update`; a write that changes nothing locks the row on PostgreSQL too.
  const update = tx.db.updateTable('dask_clusters').set({ name: sql<string>`name` })
  await ('name' in by ? update.where('name', '=', by.name) : update.where('id', '=', by.id)).execute()
  return findCluster(tx.db, by)
}

/** Newest first. `isOver`: ended, not ended; absent: both. */
export async function listClusters(
  db: ReadableDatabase,
  { userId, isOver, limit }: { userId?: number; isOver?: boolean; limit: number },
): Promise<readonly ClusterRecord[]> {
  let query = selectClusters(db).orderBy('c.id', 'desc').limit(limit)
  if (userId !== undefined) query = query.where('c.user_id', '=', userId)
  if (isOver !== undefined) query = query.where('c.stopped_at', isOver ? 'is not' : 'is', null)
  return (await query.execute()).map(parseRow)
}

export async function listActiveIds(db: ReadableDatabase): Promise<readonly number[]> {
  const rows = await db.selectFrom('dask_clusters').select('id').where('stopped_at', 'is', null).execute()
  return rows.map(({ id }) => id)
}

/** Writes a change and tells every replica. The change's key is the cluster's id. */
export async function updateCluster(tx: StoreTransaction, id: number, change: ClusterChange): Promise<void> {
  if (Object.keys(change).length === 0) return
  await tx.db.updateTable('dask_clusters').set(buildUpdate(change)).where('id', '=', id).execute()
  announceCluster(tx, id)
}

/** Tells every replica that something of the cluster changed. */
export function announceCluster(tx: StoreTransaction, id: number): void {
  tx.changed('cluster', String(id))
}

/** Certificate, key and token, sealed; null: it has ended. */
export async function readSealedSecrets(db: ReadableDatabase, id: number): Promise<string | null> {
  const row = await db.selectFrom('dask_clusters').select('secrets').where('id', '=', id).executeTakeFirst()
  return row?.secrets ?? null
}

const columns = {
  desired: 'desired',
  outcome: 'outcome',
  reason: 'reason',
  message: 'message',
  logTail: 'log_tail',
  wanted: 'wanted',
  adapt: 'adapt',
  wish: 'wish',
  wishTold: 'wish_told',
  reported: 'reported',
  losses: 'losses',
  lostAtMs: 'lost_at',
  replaceAtMs: 'replace_at',
  trouble: 'trouble',
  startedAtMs: 'started_at',
  stoppedAtMs: 'stopped_at',
  secrets: 'secrets',
} as const satisfies Record<keyof ClusterChange, string>

function buildUpdate(change: ClusterChange): Record<string, string | number | null> {
  const update: Record<string, string | number | null> = {}
  for (const [field, value] of Object.entries(change)) {
    const column = columns[field as keyof ClusterChange]
    update[column] = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  }
  return update
}

function selectClusters(db: ReadableDatabase) {
  return db
    .selectFrom('dask_clusters as c')
    .innerJoin('users', 'users.id', 'c.user_id')
    .leftJoin('servers', 'servers.id', 'c.server_id')
    .select([
      'c.id',
      'c.name',
      'c.user_id as userId',
      'users.name as user',
      'c.server_id as serverId',
      'servers.name as server',
      'c.desired',
      'c.outcome',
      'c.reason',
      'c.message',
      'c.log_tail as logTail',
      'c.options',
      'c.settings',
      'c.scheduler_job as schedulerJob',
      'c.wanted',
      'c.adapt',
      'c.wish',
      'c.wish_told as wishTold',
      'c.reported',
      'c.losses',
      'c.lost_at as lostAtMs',
      'c.replace_at as replaceAtMs',
      'c.trouble',
      'c.created_at as createdAtMs',
      'c.started_at as startedAtMs',
      'c.stopped_at as stoppedAtMs',
      'c.token_hash as tokenHash',
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof selectClusters>['executeTakeFirstOrThrow']>>

function parseRow(row: Row): ClusterRecord {
  return {
    ...row,
    options: JSON.parse(row.options) as ClusterRecord['options'],
    settings: JSON.parse(row.settings) as ClusterSettings,
    adapt: row.adapt === null ? null : (JSON.parse(row.adapt) as NonNullable<ClusterRecord['adapt']>),
  }
}
