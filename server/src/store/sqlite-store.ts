import { closeSync, openSync, rmSync } from 'node:fs'

import { PlatformError } from '@atrium/contract/errors.ts'
import { Kysely, SqliteDialect } from 'kysely'
import type { Logger } from 'pino'

import type { Clock } from '#platform/clock.ts'
import { createChangeFeed } from './change-feed.ts'
import { translateDatabaseError } from './database-errors.ts'
import { type OpenedSqliteDatabase, openSqliteDatabase } from './dialects/sqlite-database.ts'
import { acquireLease, assertLease, releaseLease } from './lease.ts'
import { migrateToLatest } from './migrate.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'
import { createTransactor } from './transactor.ts'

export interface SqliteStoreOptions {
  /** The database file; made with mode 0600 if absent. `:memory:` keeps nothing. */
  path: string
  clock: Clock
  log: Logger
  /** Leaves the schema as it is. Default: it is brought up to date. */
  keepSchema?: boolean
}

/** SQLite's name for a database that is gone with its connection. */
const inMemory = ':memory:'

/** Opens the embedded store and brings its schema up to date. */
export async function openSqliteStore({
  path,
  clock,
  log,
  keepSchema = false,
}: SqliteStoreOptions): Promise<Store> {
  // SQLite gives its journals the mode of the database.
  if (path !== inMemory) closeSync(openSync(path, 'a', 0o600))
  const database = openSqliteDatabase(path)
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
  const feed = createChangeFeed((error) => log.error({ err: error }, 'change listener failed'))
  try {
    if (!keepSchema) await migrateToLatest(db, { clock })
  } catch (error) {
    await db.destroy()
    throw translateDatabaseError(error)
  }
  const transaction = createTransactor({ db, publish: feed.emit, beforeCommit: async () => {} })
  return {
    kind: 'sqlite',
    db,
    transaction,
    onChange: feed.listen,
    acquireLease: (name, holder, ttlMs) => acquireLease(transaction, clock, { name, holder, ttlMs }),
    assertLease: (tx, lease) => assertLease(tx, lease, false),
    releaseLease: (lease) => releaseLease(transaction, lease),
    backup: (target) => copyTo(database, target),
    close: () => db.destroy(),
  }
}

/** The copy holds what the database holds: it is made where nothing was, readable by nobody else. */
async function copyTo(database: OpenedSqliteDatabase, target: string): Promise<void> {
  try {
    closeSync(openSync(target, 'wx', 0o600))
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isTaken
      ? new PlatformError('conflict', { message: `${target} exists already.`, cause })
      : new PlatformError('bad_request', { message: `${target} cannot be written.`, cause })
  }
  try {
    await database.backup(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw translateDatabaseError(error)
  }
}
