import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

import { systemClock as clock } from '#platform/clock.ts'
import { waitFor } from '#platform/wait-for.ts'
import { openPostgresPool } from './dialects/postgres-pool.ts'
import { openSqliteDatabase } from './dialects/sqlite-database.ts'
import { migrateToLatest } from './migrate.ts'
import { migrations } from './migrations/migrations.ts'
import type { Tables } from './tables.ts'
import { type TestStoreKind, testStoreKinds } from './testing.ts'

const first = '0001-initial'
const snapshots = join(import.meta.dirname, 'migrations', 'testing')

/** Of tests alone: proves the machinery, whatever the product's own next migration is. */
const second: Migration = {
  async up(db) {
    await db.schema.alterTable('users').addColumn('colour', 'text').execute()
    await db.updateTable('users').set({ colour: 'blue' }).execute()
    await db.schema.createIndex('users_by_colour').on('users').column('colour').execute()
  },
}

async function openBare(kind: TestStoreKind['kind'], location: string): Promise<Kysely<Tables>> {
  if (kind === 'sqlite') {
    return new Kysely({ dialect: new SqliteDialect({ database: openSqliteDatabase(location) }) })
  }
  return new Kysely({ dialect: new PostgresDialect({ pool: await openPostgresPool(location, () => {}) }) })
}

function only(...names: readonly string[]): Record<string, Migration> {
  return Object.fromEntries(Object.entries(migrations).filter(([name]) => names.includes(name)))
}

async function readSeed(): Promise<readonly string[]> {
  const text = await readFile(join(snapshots, '0001-seed.sql'), 'utf8')
  return text.split('\n').filter((line) => line.startsWith('insert'))
}

/** Everything in every table, but for columns that are newer than the first schema. */
async function readRows(db: Kysely<Tables>, columns: ReadonlyMap<string, readonly string[]>) {
  const rows: Record<string, readonly unknown[]> = {}
  for (const [table, names] of columns) {
    const list = sql.join(names.map((name) => sql.ref(name)))
    rows[table] = (await sql`select ${list} from ${sql.table(table)} order by 1`.execute(db)).rows
  }
  return rows
}

async function readColumns(db: Kysely<Tables>): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = await db.introspection.getTables()
  const ours = tables.filter(({ name }) => !name.startsWith('schema_'))
  return new Map(ours.map(({ name, columns }) => [name, columns.map((column) => column.name)]))
}

/** The schema as text: what was released must stay as it is. */
async function describeSchema(kind: TestStoreKind['kind'], db: Kysely<Tables>): Promise<string> {
  const query =
    kind === 'sqlite'
      ? sql<{
          line: string
        }>`select sql as line from sqlite_master where sql is not null and name not like 'sqlite_%'`
      : sql<{ line: string }>`
          select concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, is_identity) as line
            from information_schema.columns where table_schema = 'public'
          union all select indexdef from pg_indexes where schemaname = 'public'
          union all select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
            from pg_constraint where connamespace = 'public'::regnamespace and contype in ('f', 'u', 'p')`
  const { rows } = await query.execute(db)
  return `${rows
    .map(({ line }) => line)
    .sort()
    .join('\n')}\n`
}

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext) => {
    const site = await kind.createSite()
    const db = await openBare(kind.kind, site.location)
    t.after(async () => {
      await db.destroy()
      await site.dispose()
    })
    return { site, db }
  }

  describe(`migrations on ${kind.kind}`, () => {
    test(`${first} makes the schema that was released`, async (t) => {
      const { db } = await setUp(t)
      await migrateToLatest(db, { clock, migrations: only(first) })
      const path = join(snapshots, `${first}.${kind.kind}.txt`)
      t.assert.fileSnapshot(await describeSchema(kind.kind, db), path, { serializers: [String] })
    })

    test('a database of the first schema is brought up to date with every row it had', async (t) => {
      const { site, db } = await setUp(t)
      await migrateToLatest(db, { clock, migrations: only(first) })
      for (const statement of await readSeed()) await sql.raw(statement).execute(db)
      const columns = await readColumns(db)
      const before = await readRows(db, columns)
      for (const [table, rows] of Object.entries(before)) assert.ok(rows.length > 0, `no row of ${table}`)
      const store = await site.open()
      await migrateToLatest(db, { clock, migrations: { ...migrations, '9999-test': second } })
      assert.deepEqual(await readRows(store.db, columns), before)
      await store.close()
    })

    test('what breaks off is as if it was never begun, and is done by the next start', async (t) => {
      const { db } = await setUp(t)
      const broken: Migration = {
        async up(trx) {
          await migrations[first]?.up(trx)
          throw new Error('the power went')
        },
      }
      await assert.rejects(migrateToLatest(db, { clock, migrations: { [first]: broken } }), {
        code: 'store_unavailable',
      })
      assert.deepEqual(await migrateToLatest(db, { clock }), Object.keys(migrations))
      assert.deepEqual(await migrateToLatest(db, { clock }), [])
    })

    test('a database of a newer version is refused by name, and left alone', async (t) => {
      const { site, db } = await setUp(t)
      await migrateToLatest(db, { clock, migrations: { ...migrations, '9999-test': second } })
      await assert.rejects(site.open(), { code: 'store_unavailable', message: /newer version.*9999-test/ })
    })

    test('a replica of the version before writes on while the schema changes', async (t) => {
      const { site, db } = await setUp(t)
      await migrateToLatest(db, { clock })
      for (const statement of await readSeed()) await sql.raw(statement).execute(db)
      const writer = spawn(
        process.execPath,
        [join(import.meta.dirname, 'testing-writer.ts'), site.location],
        {
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      )
      const output: string[] = []
      writer.stdout.on('data', (chunk) => output.push(String(chunk)))
      await waitFor('the writer', () => output.length > 0)
      const applied = await migrateToLatest(db, { clock, migrations: { ...migrations, '9999-test': second } })
      assert.deepEqual(applied, ['9999-test'])
      const countRows = async () => (await db.selectFrom('settings').select('key').execute()).length
      const atOnce = await countRows()
      await waitFor('more rows', async () => (await countRows()) > atOnce)
      writer.stdin.end()
      const [code] = await once(writer, 'close')
      assert.equal(code, 0)
      const written = Number(output.join('').split('\n').at(-2))
      assert.equal(await countRows(), written + 1)
      const { rows } = await sql<{ colour: string }>`select colour from users order by id`.execute(db)
      assert.deepEqual(
        rows.map(({ colour }) => colour),
        ['blue', 'blue'],
      )
    })

    test('a change that waits for a long transaction does not hold up those behind it', {
      skip: kind.kind === 'sqlite' && 'one process has the database',
    }, async (t) => {
      const { site, db } = await setUp(t)
      await migrateToLatest(db, { clock })
      const store = await site.open()
      const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const long = store.transaction(async (tx) => {
        await tx.db.selectFrom('users').selectAll().execute()
        begun.resolve()
        await mayEnd.promise
      })
      await begun.promise
      const migrating = migrateToLatest(db, { clock, migrations: { ...migrations, '9999-test': second } })
      await waitFor('the change to wait', async () => {
        const { rows } = await sql`select 1 from pg_locks where not granted`.execute(store.db)
        return rows.length > 0
      })
      await store.db.selectFrom('users').selectAll().execute()
      mayEnd.resolve()
      await long
      assert.deepEqual(await migrating, ['9999-test'])
      await store.close()
    })
  })
}
