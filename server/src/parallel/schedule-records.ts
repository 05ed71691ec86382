import type { ScheduleRequest } from '@atrium/contract/runs-api.ts'
import type { Kysely, Selectable } from 'kysely'

import type { SchedulesTable, Tables } from '#store/tables.ts'

/** A schedule as it is stored. */
export interface ScheduleRecord {
  id: number
  userId: number
  /** Its owner's name. */
  user: string
  name: string
  /** Without variables. */
  request: ScheduleRequest
  /** Sealed. */
  variables: string | null
  /** By `formatJobEnvironment`. */
  serverPrefix: string | null
  isEnabled: boolean
  nextAtMs: number | null
  /** How often it has run. */
  times: number
  lastRunId: number | null
  lastMessage: string | null
  createdAtMs: number
}

const columns = [
  'schedules.id',
  'schedules.user_id',
  'users.name as user',
  'schedules.name',
  'schedules.request',
  'schedules.variables',
  'schedules.server_prefix',
  'schedules.enabled',
  'schedules.next_at',
  'schedules.times',
  'schedules.last_run_id',
  'schedules.last_message',
  'schedules.created_at',
] as const

function select(db: Kysely<Tables>) {
  return db.selectFrom('schedules').innerJoin('users', 'users.id', 'schedules.user_id').select(columns)
}

export async function findSchedule(db: Kysely<Tables>, id: number): Promise<ScheduleRecord | undefined> {
  const row = await select(db).where('schedules.id', '=', id).executeTakeFirst()
  return row && parseSchedule(row)
}

/** By name; of everybody when no user is named. */
export async function listSchedules(db: Kysely<Tables>, userId?: number): Promise<ScheduleRecord[]> {
  let query = select(db).orderBy('schedules.name').orderBy('schedules.id')
  if (userId !== undefined) query = query.where('schedules.user_id', '=', userId)
  return (await query.execute()).map(parseSchedule)
}

/** Those that are due, longest waiting first, at most `limit`. */
export async function listDueSchedules(
  db: Kysely<Tables>,
  { nowMs, limit }: { nowMs: number; limit: number },
): Promise<ScheduleRecord[]> {
  const query = select(db).where('schedules.next_at', '<=', nowMs).orderBy('schedules.next_at').limit(limit)
  return (await query.execute()).map(parseSchedule)
}

/** When the next one is due; undefined: never. */
export async function findNextTime(db: Kysely<Tables>): Promise<number | undefined> {
  const row = await db
    .selectFrom('schedules')
    .select('next_at')
    .where('next_at', 'is not', null)
    .orderBy('next_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_at ?? undefined
}

function parseSchedule(row: Selectable<SchedulesTable> & { user: string }): ScheduleRecord {
  return {
    id: row.id,
    userId: row.user_id,
    user: row.user,
    name: row.name,
    request: JSON.parse(row.request) as ScheduleRequest,
    variables: row.variables,
    serverPrefix: row.server_prefix,
    isEnabled: row.enabled === 1,
    nextAtMs: row.next_at,
    times: row.times,
    lastRunId: row.last_run_id,
    lastMessage: row.last_message,
    createdAtMs: row.created_at,
  }
}
