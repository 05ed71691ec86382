import { PlatformError } from '@atrium/contract/errors.ts'
import { toPythonText } from '#platform/python-text.ts'
import { isObject } from './hub-bodies.ts'

/** A thousand years: what ends later is no date any more that everybody can read. */
const longestSeconds = 1000 * 365 * 86_400
/** Longer ones are no notes, and every list of tokens would carry them. */
const longestNote = 10_000

/** What a new token is asked to be. */
export interface TokenRequest {
  readonly note: string | undefined
  /** At least 1, at most a thousand years. */
  readonly expiresInS: number | undefined
  readonly scopes: readonly string[] | undefined
  /** Names of roles whose scopes it gets, instead of `scopes`. */
  readonly roles: readonly string[] | undefined
  /** Who asks, when no credential says it. */
  readonly auth: { readonly username: string; readonly password: string } | undefined
}

/** The body of `POST /hub/api/users/:user/tokens`. Throws `bad_request` in JupyterHub's words. */
export function parseTokenRequest(body: unknown): TokenRequest {
  if (body !== undefined && body !== null && !isObject(body))
    throw refusal('Body must be a JSON dict or empty')
  const fields = body ?? {}
  const scopes = parseList(fields, 'scopes')
  const roles = parseList(fields, 'roles')
  const expiresInS = parseSeconds(fields['expires_in'])
  if (scopes !== undefined && roles !== undefined) {
    throw refusal('Can only assign one of scopes or roles when creating tokens.')
  }
  return {
    note: parseNote(fields['note']),
    expiresInS,
    scopes,
    roles,
    auth: parseAuth(fields['auth']),
  }
}

function parseList(fields: Readonly<Record<string, unknown>>, key: string): readonly string[] | undefined {
  const value = fields[key]
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw refusal(`token ${key} must be null or a list of strings, not ${toPythonText(value)}`)
}

function parseSeconds(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw refusal(`token expires_in must be null or integer, not ${toPythonText(value)}`)
  }
  if (value < 1) throw refusal(`expires_in must be a positive integer or null, not ${value}`)
  if (value > longestSeconds) throw refusal(`expires_in must be at most ${longestSeconds}, not ${value}`)
  return value
}

function parseNote(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  if (value.length > longestNote) throw refusal(`A note has at most ${longestNote} characters`)
  return value
}

/** JupyterHub answers 403 to whatever is not a name and a password. */
function parseAuth(value: unknown): TokenRequest['auth'] {
  if (!isObject(value)) return undefined
  const { username, password } = value
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
