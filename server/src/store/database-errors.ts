import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html */
const sqliteBusy = new Set([5, 6])
const sqliteFull = 13
/** PostgreSQL's SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgresRetryable = new Set(['40001', '40P01'])
/** Somebody else has what is wanted: `lock_timeout` was reached. */
const postgresLocked = '55P03'
const postgresFull = '53100'
const uniqueViolations = new Set(['23505'])
const sqliteUniqueCodes = new Set([2067, 1555])

/** True when the same transaction may succeed if it is run again. */
export function isRetryableDatabaseError(error: unknown): boolean {
  return postgresRetryable.has(String(codeOf(error)))
}

/** True when somebody else holds what was wanted for longer than it was waited for. */
export function isBusyDatabaseError(error: unknown): boolean {
  const code = sqliteCodeOf(error)
  if (code !== undefined) return sqliteBusy.has(Number(code) & 0xff)
  return String(codeOf(error)) === postgresLocked || isRetryableDatabaseError(error)
}

/** True when a unique constraint refused the write: somebody else made the same thing first. */
export function isUniqueViolation(error: unknown): boolean {
  const root = isPlatformError(error) ? error.cause : error
  return uniqueViolations.has(String(codeOf(root))) || sqliteUniqueCodes.has(Number(sqliteCodeOf(root)))
}

/** Gives database trouble the platform's codes; other errors pass unchanged. */
export function translateDatabaseError(error: unknown): unknown {
  if (isPlatformError(error)) return error
  const primary = Number(sqliteCodeOf(error) ?? Number.NaN) & 0xff
  if (sqliteCodeOf(error) !== undefined) {
    if (primary === sqliteFull) return new PlatformError('storage_full', { cause: error })
    if (sqliteBusy.has(primary)) return new PlatformError('store_unavailable', { cause: error })
  }
  const code = String(codeOf(error))
  if (code === postgresFull) return new PlatformError('storage_full', { cause: error })
  if (code.startsWith('08') || code.startsWith('57P') || code === 'ECONNREFUSED' || code === 'ECONNRESET') {
    return new PlatformError('store_unavailable', { cause: error })
  }
  return error
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

function sqliteCodeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined
}
