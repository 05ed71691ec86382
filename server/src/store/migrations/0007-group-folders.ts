import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Groups on the machines, and how large homes may be. */
export const groupFolders: Migration = {
  async up(db: Kysely<unknown>) {
    const sqlite = !db.getExecutor().adapter.supportsMultipleConnections
    const table = db.schema.createTable('unix_groups')
    const withId = sqlite
      ? table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      : table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity())
    const required = (column: ColumnDefinitionBuilder) => column.notNull().unique()
    await withId
      .addColumn('folder', 'text', required)
      .addColumn('group_id', 'bigint', (column) =>
        column.references('groups.id').onDelete('set null').unique(),
      )
      .execute()
    await db.schema.alterTable('users').addColumn('home_bytes', 'bigint').execute()
  },
}
