import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const required = (column: ColumnDefinitionBuilder) => column.notNull()

/** What jobs report from their nodes, for schedulers that are handed no more than a job's key. */
export const jobPlacements: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('job_placements')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('job_key', 'text', required)
      .addColumn('uid', 'bigint', required)
      .addColumn('ref', 'text')
      .addColumn('claimed_by', 'text')
      .addColumn('host', 'text')
      .addColumn('ports', 'text')
      .addColumn('exit', 'text')
      .addColumn('log_start', 'bigint')
      .addColumn('memory_bytes', 'bigint')
      .addColumn('cpu_seconds', 'double precision')
      .addColumn('oom_kills', 'integer')
      .execute()
    await db.schema.createIndex('job_placements_by_job_key').on('job_placements').column('job_key').execute()
  },
}
