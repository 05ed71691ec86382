import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const required = (column: ColumnDefinitionBuilder) => column.notNull()

/** Schedules: runs by the clock. */
export const schedules: Migration = {
  async up(db: Kysely<unknown>) {
    const sqlite = !db.getExecutor().adapter.supportsMultipleConnections
    const table = db.schema.createTable('schedules')
    const withId = sqlite
      ? table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      : table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity())
    await withId
      .addColumn('user_id', 'bigint', (column) => column.references('users.id').onDelete('cascade').notNull())
      .addColumn('name', 'text', required)
      .addColumn('request', 'text', required)
      .addColumn('variables', 'text')
      .addColumn('server_prefix', 'text')
      .addColumn('enabled', 'integer', required)
      .addColumn('next_at', 'bigint')
      .addColumn('times', 'integer', required)
      .addColumn('last_run_id', 'bigint')
      .addColumn('last_message', 'text')
      .addColumn('created_at', 'bigint', required)
      .addUniqueConstraint('schedules_user_name', ['user_id', 'name'])
      .execute()
    await db.schema.createIndex('schedules_by_next_at').on('schedules').column('next_at').execute()
  },
}
