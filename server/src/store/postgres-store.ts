import { randomUUID } from 'node:crypto'
import { PlatformError } from '@atrium/contract/errors.ts'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Logger } from 'pino'
import type { Clock } from '#platform/clock.ts'
import { createChangeFeed } from './change-feed.ts'
import { translateDatabaseError } from './database-errors.ts'
import { openPostgresPool } from './dialects/postgres-pool.ts'
import { acquireLease, assertLease, releaseLease } from './lease.ts'
import { migrateToLatest } from './migrate.ts'
import { buildNotifications, createPostgresListener, notificationChannel } from './postgres-listener.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'
import { createTransactor } from './transactor.ts'

export interface PostgresStoreOptions {
  /** `postgresql://user:password@host/database`. Secret. */
  url: string
  clock: Clock
  log: Logger
  /** Leaves the schema as it is. Default: it is brought up to date. */
  keepSchema?: boolean
}

/** Opens the shared store and brings its schema up to date; replicas that start together wait for each other. */
export async function openPostgresStore({
  url,
  clock,
  log,
  keepSchema = false,
}: PostgresStoreOptions): Promise<Store> {
  const pool = await openPostgresPool(url, (error) =>
    log.warn({ err: error }, 'an idle database connection was lost'),
  )
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const feed = createChangeFeed((error) => log.error({ err: error }, 'change listener failed'))
  // Own notifications are told by the transaction itself, without the round trip.
  const origin = randomUUID()
  try {
    if (!keepSchema) await migrateToLatest(db, { clock })
  } catch (error) {
    await db.destroy()
    throw translateDatabaseError(error)
  }
  const listener = await createPostgresListener({ url, origin, clock, log, publish: feed.emit })
  const transaction = createTransactor({
    db,
    publish: feed.emit,
    beforeCommit: async (trx, changes) => {
      for (const payload of buildNotifications(origin, changes)) {
        await sql`select pg_notify(${notificationChannel}, ${payload})`.execute(trx)
      }
    },
  })
  return {
    kind: 'postgres',
    db,
    transaction,
    onChange: feed.listen,
    acquireLease: (name, holder, ttlMs) => acquireLease(transaction, clock, { name, holder, ttlMs }),
    assertLease: (tx, lease) => assertLease(tx, lease, true),
    releaseLease: (lease) => releaseLease(transaction, lease),
    backup: async () => {
      throw new PlatformError('bad_request', {
        message: 'This platform keeps its data in PostgreSQL: back it up with pg_dump.',
      })
    },
    close: async () => {
      await listener.close()
      await db.destroy()
    },
  }
}
