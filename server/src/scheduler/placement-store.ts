import type { Insertable, Selectable, Updateable } from 'kysely'

import type { Store, StoreTransaction } from '#store/store.ts'
import type { JobPlacementsTable } from '#store/tables.ts'
import type { JobKey } from './job.ts'
import { parseAttemptKey } from './job-key.ts'
import type { JobPlacement, JobPlacements } from './job-placement.ts'
import { withoutNuls } from './job-rows.ts'
import { splitKeys } from './job-store.ts'

type Row = Selectable<JobPlacementsTable>
type Column = keyof Row

/** How each field is stored. */
const columnsOfFields = {
  uid: 'uid',
  ref: 'ref',
  claimedBy: 'claimed_by',
  host: 'host',
  ports: 'ports',
  exit: 'exit',
  logStart: 'log_start',
  memoryBytes: 'memory_bytes',
  cpuSeconds: 'cpu_seconds',
  oomKills: 'oom_kills',
} as const satisfies Record<keyof JobPlacement, Column>

/** What an earlier run of the same claimant reported. */
const nothingReported = {
  host: null,
  ports: null,
  exit: null,
  log_start: null,
  memory_bytes: null,
  cpu_seconds: null,
  oom_kills: null,
} satisfies Updateable<JobPlacementsTable>

/** Placements in the database. Their rows go with the records of their jobs, if nobody forgets them before. */
export function createPlacementStore(store: Store): JobPlacements {
  return {
    async read(keys) {
      const found = new Map<JobKey, JobPlacement>()
      for (const part of splitKeys(keys)) {
        const rows = await store.db
          .selectFrom('job_placements')
          .selectAll()
          .where('key', 'in', part)
          .execute()
        for (const row of rows) found.set(row.key, parseRow(row))
      }
      return found
    },

    async record(changes) {
      if (changes.size === 0) return
      await store.transaction(async (tx) => {
        const known = await lockOwners(tx, store.kind, [...changes.keys()])
        const groups = groupByColumns(changes, known)
        for (const [columns, rows] of groups)
          for (const part of splitKeys(rows)) await write(tx, columns, part)
      })
    },

    async claim(key, claimant) {
      const { numUpdatedRows } = await store.db
        .updateTable('job_placements')
        .set({ claimed_by: claimant, ...nothingReported })
        .where('key', '=', key)
        .where((row) => row.or([row('claimed_by', 'is', null), row('claimed_by', '=', claimant)]))
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },

    async forget(keys) {
      for (const part of splitKeys(keys))
        await store.db.deleteFrom('job_placements').where('key', 'in', part).execute()
    },
  }
}

/** Whose the placements are that exist, until the transaction ends. In one order, so that two who lock the same do not wait for each other. */
async function lockOwners(
  tx: StoreTransaction,
  kind: Store['kind'],
  keys: readonly JobKey[],
): Promise<ReadonlyMap<JobKey, number>> {
  const owners = new Map<JobKey, number>()
  for (const part of splitKeys(keys.toSorted())) {
    const query = tx.db.selectFrom('job_placements').select(['key', 'uid']).where('key', 'in', part)
    const rows = await (kind === 'postgres' ? query.orderBy('key').forUpdate() : query).execute()
    for (const { key, uid } of rows) owners.set(key, uid)
  }
  return owners
}

type NewRow = Insertable<JobPlacementsTable>

/** Rows that change the same columns are one statement. */
function groupByColumns(
  changes: ReadonlyMap<JobKey, Partial<JobPlacement>>,
  known: ReadonlyMap<JobKey, number>,
): Iterable<[readonly Column[], NewRow[]]> {
  const groups = new Map<string, [readonly Column[], NewRow[]]>()
  for (const [key, change] of changes) {
    const uid = change.uid ?? known.get(key)
    const values = buildValues(change)
    const columns = (Object.keys(values) as Column[]).sort()
    if (uid === undefined || columns.length === 0) continue
    const row = { key, job_key: parseAttemptKey(key)?.key ?? key, ...values, uid }
    const group = groups.get(columns.join())
    if (group === undefined) groups.set(columns.join(), [columns, [row]])
    else group[1].push(row)
  }
  return groups.values()
}

async function write(tx: StoreTransaction, columns: readonly Column[], rows: readonly NewRow[]) {
  await tx.db
    .insertInto('job_placements')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet((update) =>
          Object.fromEntries(columns.map((column) => [column, update.ref(`excluded.${column}`)])),
        ),
    )
    .execute()
}

/** PostgreSQL takes neither NULs in text nor fractions in whole numbers. */
function buildValues(change: Partial<JobPlacement>): Partial<NewRow> {
  const values: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(change)) {
    if (value === undefined) continue
    const column = columnsOfFields[field as keyof JobPlacement]
    if (typeof value === 'string') values[column] = withoutNuls(value)
    else if (typeof value === 'object') values[column] = withoutEscapedNuls(JSON.stringify(value))
    else values[column] = column === 'cpu_seconds' ? value : Math.round(value)
  }
  return values
}

/** In JSON a NUL is written as an escape, which PostgreSQL's text takes and its readers may not. */
function withoutEscapedNuls(json: string): string {
  return json.replaceAll('\\u0000', '')
}

function parseRow(row: Row): JobPlacement {
  const { uid, ports, exit } = row
  const placement: Record<string, unknown> = { uid }
  for (const [field, column] of Object.entries(columnsOfFields))
    if (row[column] !== null) placement[field] = row[column]
  return {
    ...(placement as unknown as JobPlacement),
    ...(ports === null ? {} : { ports: JSON.parse(ports) as Record<string, number> }),
    ...(exit === null ? {} : { exit: JSON.parse(exit) as NonNullable<JobPlacement['exit']> }),
  }
}
