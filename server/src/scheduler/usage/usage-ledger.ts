import type { JobKind } from '@atrium/contract/jobs.ts'
import { sql } from 'kysely'

import { splitKeys } from '#scheduler/job-store.ts'
import { readSubjects } from '#scheduler/quota-subjects.ts'
import type { StoreTransaction } from '#store/store.ts'
import { buildUses, type Run, type UseOfDay, type UsingJob } from './job-use.ts'

/** Stands in the tables for everything, whatever its groups. */
export const everyGroup = 0
/** Stands in the tables for the platform's own jobs. */
export const nobody = 0

/** A row of the tables before it is added to what is there. */
export interface UsageRow {
  day: number
  user_id: number
  group_id: number
  kind: JobKind
  partition: string
  runs: number
  core_seconds: number
  gpu_seconds: number
  gib_seconds: number
}

/**
 * Counts starts that are over, in the transaction that records their end: after any crash each is counted once. A start counts for its
 * owner, and for the group it names or else, like quotas, for every group its owner is in at its end.
 */
export async function recordUse(
  tx: StoreTransaction,
  ended: readonly { job: UsingJob; run: Run }[],
): Promise<void> {
  if (ended.length === 0) return
  const uses = ended.flatMap(({ job, run }) => buildUses(job, run))
  const rows = await spreadOverGroups(tx.db, uses)
  await addDays(
    tx,
    sumRows(rows, ({ day, user_id, partition }) => [day, user_id, partition]),
  )
  await addTotals(
    tx,
    sumRows(rows, () => []),
  )
}

/** Each use once for everything and once for each of its groups. */
export async function spreadOverGroups(
  db: Parameters<typeof readSubjects>[0],
  uses: readonly UseOfDay[],
): Promise<UsageRow[]> {
  const subjectsOf = await readSubjects(db, uses)
  return uses.flatMap((use) => {
    const groups = subjectsOf(use).flatMap((subject) => (subject.kind === 'group' ? [subject.id] : []))
    return [everyGroup, ...groups].map((group) => buildRow(use, group))
  })
}

function buildRow(use: UseOfDay, group: number): UsageRow {
  return {
    day: use.day,
    user_id: use.userId ?? nobody,
    group_id: group,
    kind: use.kind,
    partition: use.partition,
    runs: use.runs,
    core_seconds: use.coreSeconds,
    gpu_seconds: use.gpuSeconds,
    gib_seconds: use.gibSeconds,
  }
}

/** Rows of the same group, kind and `keyOf` as one: a statement may not touch a row twice. In one order everywhere. */
function sumRows(rows: readonly UsageRow[], keyOf: (row: UsageRow) => readonly unknown[]): UsageRow[] {
  const sums = new Map<string, UsageRow>()
  for (const row of rows) {
    const key = JSON.stringify([row.group_id, row.kind, ...keyOf(row)])
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? row : addRows(sum, row))
  }
  return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

function addRows(a: UsageRow, b: UsageRow): UsageRow {
  return {
    ...a,
    runs: a.runs + b.runs,
    core_seconds: a.core_seconds + b.core_seconds,
    gpu_seconds: a.gpu_seconds + b.gpu_seconds,
    gib_seconds: a.gib_seconds + b.gib_seconds,
  }
}

async function addDays(tx: StoreTransaction, rows: readonly UsageRow[]): Promise<void> {
  for (const part of splitKeys(rows)) {
    await tx.db
      .insertInto('usage_days')
      .values(part)
      .onConflict((conflict) =>
        conflict
          .columns(['group_id', 'day', 'user_id', 'kind', 'partition'])
          .doUpdateSet(buildSums('usage_days')),
      )
      .execute()
  }
}

async function addTotals(tx: StoreTransaction, rows: readonly UsageRow[]): Promise<void> {
  const totals = rows.map(({ day: _day, user_id: _user, partition: _partition, ...total }) => total)
  for (const part of splitKeys(totals)) {
    await tx.db
      .insertInto('usage_totals')
      .values(part)
      .onConflict((conflict) => conflict.columns(['group_id', 'kind']).doUpdateSet(buildSums('usage_totals')))
      .execute()
  }
}

/** What is there, and what comes. */
function buildSums(table: 'usage_days' | 'usage_totals') {
  const sum = (column: string) =>
    sql<number>`${sql.ref(`${table}.${column}`)} + ${sql.ref(`excluded.${column}`)}`
  return {
    runs: sum('runs'),
    core_seconds: sum('core_seconds'),
    gpu_seconds: sum('gpu_seconds'),
    gib_seconds: sum('gib_seconds'),
  }
}
