import { PlatformError } from '@atrium/contract/errors.ts'
import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'

import { migrations } from './migrations/migrations.ts'
import type { Tables } from './tables.ts'

/** Brings the schema up to date, forward only. Concurrent callers wait for each other. Answers the names of what was applied. */
export async function migrateToLatest(db: Kysely<Tables>): Promise<readonly string[]> {
  const { error, results = [] } = await createMigrator(db).migrateToLatest()
  if (error !== undefined) {
    const failed = results.find((result) => result.status === 'Error')
    throw new PlatformError('store_unavailable', {
      message: `The database schema could not be brought up to date${failed ? ` (${failed.migrationName})` : ''}.`,
      cause: error,
    })
  }
  return results.map((result) => result.migrationName)
}

/** Names of the migrations that `migrateToLatest` would apply; changes nothing. */
export async function listPendingMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const known = await createMigrator(db).getMigrations()
  return known.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

function createMigrator(db: Kysely<Tables>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
  })
}
