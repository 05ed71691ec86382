import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const required = (column: ColumnDefinitionBuilder) => column.notNull()

/** Runs: programs that people start as jobs. */
export const runs: Migration = {
  async up(db: Kysely<unknown>) {
    const sqlite = !db.getExecutor().adapter.supportsMultipleConnections
    const table = db.schema.createTable('runs')
    const withId = sqlite
      ? table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      : table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity())
    await withId
      .addColumn('user_id', 'bigint', (column) => column.references('users.id').onDelete('cascade').notNull())
      .addColumn('name', 'text', required)
      .addColumn('kind', 'text', required)
      .addColumn('command', 'text', required)
      .addColumn('request', 'text', required)
      .addColumn('tasks', 'integer', required)
      .addColumn('nodes', 'integer')
      .addColumn('array_spec', 'text')
      .addColumn('job_count', 'integer', required)
      .addColumn('job_key', 'text', required)
      .addColumn('profile', 'text')
      .addColumn('prefix', 'text', required)
      .addColumn('working_directory', 'text', required)
      .addColumn('schedule_id', 'bigint')
      .addColumn('result', 'text')
      .addColumn('outcome', 'text')
      .addColumn('created_at', 'bigint', required)
      .addColumn('ended_at', 'bigint')
      .execute()
    for (const columns of [['user_id', 'id'], ['schedule_id', 'id'], ['ended_at']]) {
      await db.schema
        .createIndex(`runs_by_${columns.join('_')}`)
        .on('runs')
        .columns(columns)
        .execute()
    }
    // The jobs of an array are added up from the index alone.
    await db.schema
      .createIndex('jobs_by_subject_state')
      .on('jobs')
      .columns(['subject', 'state', 'started_at', 'ended_at'])
      .execute()
  },
}
