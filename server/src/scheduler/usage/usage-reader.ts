import { setImmediate } from 'node:timers/promises'

import { endedJobStates, type JobKind } from '@atrium/contract/jobs.ts'
import type { UsageDimension } from '@atrium/contract/usage-api.ts'

import { jobColumns, parseJobRow } from '#scheduler/job-rows.ts'
import type { ReadableDatabase } from '#store/store.ts'
import { buildUses, dayMs } from './job-use.ts'
import { everyGroup, spreadOverGroups, type UsageRow } from './usage-ledger.ts'

/** Which use is asked for. Days are days since the epoch in UTC, both included. */
export interface UsageFilter {
  fromDay: number
  toDay: number
  userId?: number
  /** The group it counted for. */
  groupId?: number
  kind?: JobKind
}

/** One sum. Only the fields of its dimension are set, and the partition always: prices differ by it. */
export interface UsageSum {
  day?: number
  userId?: number
  groupId?: number
  kind?: JobKind
  partition: string
  runs: number
  coreSeconds: number
  gpuSeconds: number
  gibSeconds: number
}

/**
 * What was used, by a dimension: what was counted at the ends of starts, and what runs, up to now. Reads rows of days, never of jobs that
 * have ended.
 */
export async function readUsage(
  db: ReadableDatabase,
  filter: UsageFilter,
  by: UsageDimension,
  nowMs: number,
): Promise<UsageSum[]> {
  const [counted, running] = await Promise.all([
    readDays(db, filter, by, dayOf(nowMs)),
    readRunning(db, filter, by === 'group', nowMs),
  ])
  return addUp([...counted, ...running], by)
}

const dimensionColumns = {
  day: 'day',
  user: 'user_id',
  group: 'group_id',
  kind: 'kind',
  partition: 'partition',
} as const satisfies Record<UsageDimension, keyof UsageRow>

type PartialRow = Pick<UsageRow, 'partition' | 'runs' | 'core_seconds' | 'gpu_seconds' | 'gib_seconds'> &
  Partial<UsageRow>

/** Of one question: years of many users take SQLite a second, in which the process would do nothing else. */
const daysAtOnce = 31

async function readDays(
  db: ReadableDatabase,
  filter: UsageFilter,
  by: UsageDimension,
  today: number,
): Promise<PartialRow[]> {
  const first = await db
    .selectFrom('usage_days')
    .select(({ fn }) => fn.min('day').as('day'))
    .where('group_id', '=', everyGroup)
    .executeTakeFirst()
  const toDay = Math.min(filter.toDay, today)
  const rows: PartialRow[] = []
  for (let day = Math.max(filter.fromDay, first?.day ?? today); day <= toDay; day += daysAtOnce) {
    const part = { ...filter, fromDay: day, toDay: Math.min(toDay, day + daysAtOnce - 1) }
    rows.push(...(await readSomeDays(db, part, by)))
    await setImmediate()
  }
  return rows
}

async function readSomeDays(
  db: ReadableDatabase,
  { fromDay, toDay, userId, groupId, kind }: UsageFilter,
  by: UsageDimension,
): Promise<PartialRow[]> {
  const column = dimensionColumns[by]
  let query = db
    .selectFrom('usage_days')
    .select(({ fn }) => [
      fn.sum<number>('runs').as('runs'),
      fn.sum<number>('core_seconds').as('core_seconds'),
      fn.sum<number>('gpu_seconds').as('gpu_seconds'),
      fn.sum<number>('gib_seconds').as('gib_seconds'),
    ])
    .select([column, 'partition'])
    .groupBy(column === 'partition' ? ['partition'] : [column, 'partition'])
    .where('day', '>=', fromDay)
    .where('day', '<=', toDay)
  if (groupId !== undefined) query = query.where('group_id', '=', groupId)
  else query = query.where('group_id', by === 'group' ? '<>' : '=', everyGroup)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  return query.execute()
}

/** What runs now, as it would be counted if it ended now. */
async function readRunning(
  db: ReadableDatabase,
  { fromDay, toDay, userId, groupId, kind }: UsageFilter,
  byGroup: boolean,
  nowMs: number,
): Promise<UsageRow[]> {
  let query = db
    .selectFrom('jobs')
    .select(jobColumns)
    .where('state', 'not in', ['queued', ...endedJobStates])
    .where('started_at', 'is not', null)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  const uses = (await query.execute()).map(parseJobRow).flatMap((job) => {
    const run = { startedAtMs: job.startedAtMs ?? nowMs, endedAtMs: nowMs, isOver: false }
    return buildUses(job, run).filter(({ day }) => day >= fromDay && day <= toDay)
  })
  const rows = await spreadOverGroups(db, uses)
  if (groupId !== undefined) return rows.filter((row) => row.group_id === groupId)
  return rows.filter((row) => (row.group_id === everyGroup) !== byGroup)
}

function addUp(rows: readonly PartialRow[], by: UsageDimension): UsageSum[] {
  const column = dimensionColumns[by]
  const sums = new Map<string, UsageSum>()
  for (const row of rows) {
    const key = `${row[column]} ${row.partition}`
    const sum = sums.get(key) ?? buildEmptySum(row, by)
    sum.runs += Number(row.runs)
    sum.coreSeconds += Number(row.core_seconds)
    sum.gpuSeconds += Number(row.gpu_seconds)
    sum.gibSeconds += Number(row.gib_seconds)
    sums.set(key, sum)
  }
  return [...sums.values()]
}

function buildEmptySum(row: PartialRow, by: UsageDimension): UsageSum {
  const empty = { partition: row.partition, runs: 0, coreSeconds: 0, gpuSeconds: 0, gibSeconds: 0 }
  switch (by) {
    case 'day':
      return { ...empty, day: Number(row.day) }
    case 'user':
      return { ...empty, userId: Number(row.user_id) }
    case 'group':
      return { ...empty, groupId: Number(row.group_id) }
    case 'kind':
      return row.kind === undefined ? empty : { ...empty, kind: row.kind }
    case 'partition':
      return empty
  }
}

/** A counter's value: everything that was ever counted for a group (0: for all) in jobs of a kind. */
export interface UsageTotal {
  groupId: number
  kind: JobKind
  runs: number
  coreSeconds: number
  gpuSeconds: number
  gibSeconds: number
}

/** The counters of every group, cheap however long the platform has run. */
export async function readUsageTotals(db: ReadableDatabase): Promise<UsageTotal[]> {
  const rows = await db.selectFrom('usage_totals').selectAll().execute()
  return rows.map((row) => ({
    groupId: row.group_id,
    kind: row.kind,
    runs: row.runs,
    coreSeconds: row.core_seconds,
    gpuSeconds: row.gpu_seconds,
    gibSeconds: row.gib_seconds,
  }))
}

/** The day of a moment. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / dayMs)
}
