import type { ColumnDefinitionBuilder, CreateTableBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const required = (column: ColumnDefinitionBuilder) => column.notNull()

/** What jobs used, by day; when a job's time is over; and how often it went back into the queue. */
export const usage: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['ends_at', 'time_warned_at']) {
      await db.schema.alterTable('jobs').addColumn(column, 'bigint').execute()
    }
    await db.schema.alterTable('jobs').addColumn('restarts', 'text').execute()
    await createUsageTables(db)
  },
}

async function createUsageTables(db: Kysely<unknown>): Promise<void> {
  const days = db.schema
    .createTable('usage_days')
    .addColumn('day', 'integer', required)
    .addColumn('user_id', 'bigint', required)
    .addColumn('group_id', 'bigint', required)
    .addColumn('kind', 'text', required)
    .addColumn('partition', 'text', required)
    // What is asked for most: a span of days of everybody, or of one group.
    .addPrimaryKeyConstraint('usage_days_key', ['group_id', 'day', 'user_id', 'kind', 'partition'])
  await addAmounts(days).execute()
  await db.schema
    .createIndex('usage_days_by_user_id_day')
    .on('usage_days')
    .columns(['user_id', 'day'])
    .execute()
  const totals = db.schema
    .createTable('usage_totals')
    .addColumn('group_id', 'bigint', required)
    .addColumn('kind', 'text', required)
    .addPrimaryKeyConstraint('usage_totals_key', ['group_id', 'kind'])
  await addAmounts(totals).execute()
}

function addAmounts<Columns extends string>(table: CreateTableBuilder<string, Columns>) {
  return table
    .addColumn('runs', 'bigint', required)
    .addColumn('core_seconds', 'double precision', required)
    .addColumn('gpu_seconds', 'double precision', required)
    .addColumn('gib_seconds', 'double precision', required)
}
