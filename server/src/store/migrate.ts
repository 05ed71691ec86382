import { PlatformError } from '@atrium/contract/errors.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Migration } from 'kysely/migration'

import type { Clock } from '#platform/clock.ts'
import { isBusyDatabaseError } from './database-errors.ts'
import { migrations as ours } from './migrations/migrations.ts'
import type { Tables } from './tables.ts'

/** Names of the migrations that were applied, with their times. */
const historyTable = 'schema_migrations'
/** Serialises migrating replicas on PostgreSQL; any constant of our own. */
const advisoryLock = 4_172_830_002
/** A change of a table waits this long for those who use it, then lets go: whoever comes after it in line is not held up for longer. */
const lockTimeoutMs = 1000
const pauseMs = 250
const patienceMs = 120_000

type Migrations = Readonly<Record<string, Migration>>

export interface MigrateOptions {
  clock: Clock
  /** Default: the product's. */
  migrations?: Migrations
}

/**
 * Brings the schema up to date, forward only, while others use the database. Each migration is a transaction, so one that breaks off was
 * never begun. Concurrent callers wait for each other. Answers the names of what was applied.
 */
export async function migrateToLatest(
  db: Kysely<Tables>,
  { clock, migrations = ours }: MigrateOptions,
): Promise<readonly string[]> {
  const applied: string[] = []
  const deadlineMs = clock.monotonic() + patienceMs
  for (;;) {
    try {
      const name = await applyNext(db, migrations)
      if (name === undefined) return applied
      applied.push(name)
    } catch (error) {
      if (!isBusyDatabaseError(error) || clock.monotonic() > deadlineMs) throw explain(error)
      await clock.sleep(pauseMs)
    }
  }
}

/** Applies the first that is missing; undefined when none is. */
function applyNext(db: Kysely<Tables>, migrations: Migrations): Promise<string | undefined> {
  return db.transaction().execute(async (trx) => {
    if (isPostgres(db)) {
      await sql`set local lock_timeout = ${sql.lit(lockTimeoutMs)}`.execute(trx)
      await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(trx)
    }
    await createHistory(trx)
    const done = await readHistory(trx)
    refuseNewer(done, migrations)
    const [name] = listMissing(done, migrations)
    if (name === undefined) return undefined
    await migrations[name]?.up(trx)
    await sql`insert into ${sql.table(historyTable)} values (${name}, ${new Date().toISOString()})`.execute(
      trx,
    )
    return name
  })
}

function isPostgres(db: Kysely<Tables>): boolean {
  // SQLite is the one with a single connection.
  return db.getExecutor().adapter.supportsMultipleConnections === true
}

async function createHistory(trx: Transaction<Tables>): Promise<void> {
  await trx.schema
    .createTable(historyTable)
    .ifNotExists()
    .addColumn('name', 'varchar(255)', (column) => column.primaryKey())
    .addColumn('timestamp', 'varchar(255)', (column) => column.notNull())
    .execute()
}

async function readHistory(db: Kysely<Tables>): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(historyTable)}`.execute(db)
  return new Set(rows.map(({ name }) => name))
}

function listMissing(done: ReadonlySet<string>, migrations: Migrations): readonly string[] {
  return Object.keys(migrations).filter((name) => !done.has(name))
}

function refuseNewer(done: ReadonlySet<string>, migrations: Migrations): void {
  const newer = [...done].filter((name) => !Object.hasOwn(migrations, name)).sort()
  if (newer.length === 0) return
  throw new PlatformError('store_unavailable', {
    message: `The database was brought up to date by a newer version of Atrium (${newer.join(', ')}). Start that version, or restore a backup.`,
  })
}

function explain(error: unknown): unknown {
  if (error instanceof PlatformError) return error
  return new PlatformError('store_unavailable', {
    message: 'The database schema could not be brought up to date.',
    cause: error,
  })
}

/** Names of the migrations that `migrateToLatest` would apply; changes nothing. */
export async function listPendingMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  const isNew = !tables.some(({ name }) => name === historyTable)
  return listMissing(isNew ? new Set() : await readHistory(db), ours)
}
