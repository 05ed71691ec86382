import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const required = (column: ColumnDefinitionBuilder) => column.notNull()
const zero = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(0)

/** Dask clusters and their workers. */
export const dask: Migration = {
  async up(db: Kysely<unknown>) {
    await createClusters(db)
    await db.schema
      .createTable('dask_workers')
      .addColumn('job_key', 'text', (column) => column.primaryKey())
      .addColumn('cluster_id', 'bigint', (column) =>
        column.references('dask_clusters.id').onDelete('cascade').notNull(),
      )
      .addColumn('created_at', 'bigint', required)
      .addColumn('connected_at', 'bigint')
      .addColumn('closing_at', 'bigint')
      .addColumn('ended_at', 'bigint')
      .execute()
    await index(db, 'dask_workers', ['cluster_id', 'ended_at'])
  },
}

async function createClusters(db: Kysely<unknown>): Promise<void> {
  // SQLite is the one with a single connection; its ids are rowids.
  const sqlite = !db.getExecutor().adapter.supportsMultipleConnections
  const table = db.schema.createTable('dask_clusters')
  const withId = sqlite
    ? table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    : table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity())
  await withId
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', 'bigint', (column) => column.references('users.id').onDelete('cascade').notNull())
    .addColumn('server_id', 'bigint', (column) => column.references('servers.id').onDelete('set null'))
    .addColumn('desired', 'text', (column) => column.notNull().defaultTo('run'))
    .addColumn('outcome', 'text')
    .addColumn('reason', 'text')
    .addColumn('message', 'text')
    .addColumn('log_tail', 'text')
    .addColumn('options', 'text', required)
    .addColumn('settings', 'text', required)
    .addColumn('secrets', 'text')
    .addColumn('token_hash', 'text', required)
    .addColumn('scheduler_job', 'text', required)
    .addColumn('wanted', 'integer', zero)
    .addColumn('adapt', 'text')
    .addColumn('wish', 'integer', zero)
    .addColumn('wish_told', 'integer', zero)
    .addColumn('reported', 'integer')
    .addColumn('losses', 'integer', zero)
    .addColumn('lost_at', 'bigint')
    .addColumn('replace_at', 'bigint')
    .addColumn('trouble', 'text')
    .addColumn('created_at', 'bigint', required)
    .addColumn('started_at', 'bigint')
    .addColumn('stopped_at', 'bigint')
    .execute()
  for (const columns of [['user_id', 'stopped_at'], ['stopped_at'], ['server_id']])
    await index(db, 'dask_clusters', columns)
}

async function index(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns([...columns])
    .execute()
}
