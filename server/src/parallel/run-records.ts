import type { Insertable, Kysely, Selectable } from 'kysely'

import { splitKeys } from '#scheduler/job-store.ts'
import type { StoreTransaction } from '#store/store.ts'
import type { RunsTable, Tables } from '#store/tables.ts'

import type { RunOutcome } from './run-progress.ts'

/** A run as it is stored. */
export interface RunRecord {
  id: number
  userId: number
  /** Its owner's name. */
  user: string
  name: string
  kind: 'batch' | 'engine'
  command: readonly string[]
  /** All that was asked for, as sealed JSON. */
  request: string
  tasks: number
  nodes: number | null
  /** Numbers as they were asked for; null: one job. */
  array: string | null
  jobCount: number
  jobKey: string
  profile: string | null
  /** By `formatJobEnvironment`. */
  prefix: string
  workingDirectory: string
  scheduleId: number | null
  result: string | null
  /** Once all jobs have ended. */
  outcome: RunOutcome | null
  createdAtMs: number
  endedAtMs: number | null
}

/** Which runs to list, newest first; all conditions must hold. */
export interface RunFilter {
  userId?: number
  scheduleId?: number
  /** True: not ended. */
  active?: boolean
  /** Only runs before this one. */
  before?: number
  limit: number
}

const columns = [
  'runs.id',
  'runs.user_id',
  'users.name as user',
  'runs.name',
  'runs.kind',
  'runs.command',
  'runs.request',
  'runs.tasks',
  'runs.nodes',
  'runs.array_spec',
  'runs.job_count',
  'runs.job_key',
  'runs.profile',
  'runs.prefix',
  'runs.working_directory',
  'runs.schedule_id',
  'runs.result',
  'runs.outcome',
  'runs.created_at',
  'runs.ended_at',
] as const

function select(db: Kysely<Tables>) {
  return db.selectFrom('runs').innerJoin('users', 'users.id', 'runs.user_id').select(columns)
}

/** The runs with these ids. */
export async function findRuns(db: Kysely<Tables>, ids: readonly number[]): Promise<RunRecord[]> {
  const found: RunRecord[] = []
  for (const part of splitKeys(ids)) {
    found.push(...(await select(db).where('runs.id', 'in', part).execute()).map(parseRun))
  }
  return found
}

export async function listRuns(db: Kysely<Tables>, filter: RunFilter): Promise<RunRecord[]> {
  const { userId, scheduleId, active, before, limit } = filter
  let query = select(db).orderBy('runs.id', 'desc').limit(limit)
  if (userId !== undefined) query = query.where('runs.user_id', '=', userId)
  if (scheduleId !== undefined) query = query.where('runs.schedule_id', '=', scheduleId)
  if (active !== undefined) query = query.where('runs.ended_at', active ? 'is' : 'is not', null)
  if (before !== undefined) query = query.where('runs.id', '<', before)
  return (await query.execute()).map(parseRun)
}

/** Writes a new run; answers its id. */
export async function insertRun(tx: StoreTransaction, row: Insertable<RunsTable>): Promise<number> {
  const { id } = await tx.db.insertInto('runs').values(row).returning('id').executeTakeFirstOrThrow()
  tx.changed('run', String(id))
  return id
}

function parseRun(row: Selectable<RunsTable> & { user: string }): RunRecord {
  return {
    id: row.id,
    userId: row.user_id,
    user: row.user,
    name: row.name,
    kind: row.kind,
    command: JSON.parse(row.command) as string[],
    request: row.request,
    tasks: row.tasks,
    nodes: row.nodes,
    array: row.array_spec,
    jobCount: row.job_count,
    jobKey: row.job_key,
    profile: row.profile,
    prefix: row.prefix,
    workingDirectory: row.working_directory,
    scheduleId: row.schedule_id,
    result: row.result,
    outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as RunOutcome),
    createdAtMs: row.created_at,
    endedAtMs: row.ended_at,
  }
}
