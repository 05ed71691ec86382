import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

const busyTimeoutMs = 5000
const cachedStatements = 256

/** Kysely's view of a database, and a consistent copy of it while in use. */
export interface OpenedSqliteDatabase extends SqliteDatabase {
  backup(target: string): Promise<void>
}

/**
 * Opens `path` with `node:sqlite` in the shape Kysely's SQLite dialect expects. Write-ahead log, foreign keys on; another process that
 * holds the lock is waited for up to 5 s, then SQLite's `database is locked` is thrown.
 */
export function openSqliteDatabase(path: string): OpenedSqliteDatabase {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: busyTimeoutMs })
  database.exec('pragma journal_mode = wal')
  // A crash of the process loses nothing; a power cut may lose the last transactions but never corrupts.
  database.exec('pragma synchronous = normal')
  database.exec('pragma temp_store = memory')
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => database.close(),
    backup: async (target) => {
      await backup(database, target)
    },
    prepare(sql) {
      const known = statements.get(sql)
      if (known !== undefined) return known
      const statement = prepareStatement(database, sql)
      if (statements.size >= cachedStatements) statements.clear()
      statements.set(sql, statement)
      return statement
    },
  }
}

function prepareStatement(database: DatabaseSync, sql: string): SqliteStatement {
  // Kysely's begin is deferred: a transaction that reads first could not wait for the lock when it comes to write.
  if (sql === 'begin') return wrapStatement(database.prepare('begin immediate'))
  const statement = wrapStatement(database.prepare(sql))
  if (sql !== 'rollback') return statement
  // A full disk has rolled back already; a second rollback would hide that error behind its own.
  const nothing = { changes: 0, lastInsertRowid: 0 }
  return { ...statement, run: (parameters) => (database.isTransaction ? statement.run(parameters) : nothing) }
}

function wrapStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  }
}
