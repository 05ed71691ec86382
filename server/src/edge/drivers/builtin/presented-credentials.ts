import type { CredentialRecord, EdgeTable } from './edge-table.ts'
import { crypto } from './lean-builtins.ts'

/** What a request shows to say who asks, in the order in which it counts. */
export interface PresentedSecrets {
  authorization: string | undefined
  /** The request target, whose query may hold `token=`. */
  target: string
  /** Values of the session cookie. */
  cookies: readonly string[]
}

/** A known credential, and whether a browser showed it by itself. */
export interface PresentedCredential {
  record: CredentialRecord
  /** A cookie comes along without the page's author having had it: other sites' pages can send it too. */
  isFromCookie: boolean
}

/** No secret of ours is longer; hashing more is work for nothing. */
const longestSecret = 512

/**
 * The credential that decides for a request: the first that is known and not expired of the Authorization header, the query's `token`
 * and the session cookie. A secret nobody here issued says nothing, for it may belong to the program behind (a user's own app with
 * bearer tokens of its own); so an explicit token of ours wins over the cookie, a foreign one does not hide it.
 */
export function findCredential(
  table: EdgeTable,
  { authorization, target, cookies }: PresentedSecrets,
  nowMs: number,
): PresentedCredential | undefined {
  if (authorization !== undefined) {
    const record = findLive(table, findToken(authorization), nowMs)
    if (record?.credential.kind === 'token') return { record, isFromCookie: false }
  }
  const token = findQueryToken(target)
  if (token !== undefined) {
    const record = findLive(table, token, nowMs)
    if (record?.credential.kind === 'token') return { record, isFromCookie: false }
  }
  for (const cookie of cookies) {
    const record = findLive(table, cookie, nowMs)
    if (record?.credential.kind === 'session') return { record, isFromCookie: true }
  }
  return undefined
}

/** True when the credential has ended by itself. */
export function isExpired({ credential }: CredentialRecord, nowMs: number): boolean {
  return credential.expiresAtMs !== undefined && credential.expiresAtMs <= nowMs
}

function findLive(table: EdgeTable, secret: string | undefined, nowMs: number): CredentialRecord | undefined {
  if (secret === undefined || secret.length > longestSecret) return undefined
  const record = table.findCredential(crypto.hash('sha256', secret, 'hex'))
  return record === undefined || isExpired(record, nowMs) ? undefined : record
}

/** JupyterHub's two spellings, in any case; the secret is one word. */
function findToken(authorization: string): string | undefined {
  const space = authorization.indexOf(' ')
  const scheme = authorization.slice(0, space).toLowerCase()
  if (scheme !== 'token' && scheme !== 'bearer') return undefined
  return authorization.slice(space).trim()
}

function findQueryToken(target: string): string | undefined {
  const queryStart = target.indexOf('?')
  if (queryStart === -1 || !target.includes('token=', queryStart)) return undefined
  return new URLSearchParams(target.slice(queryStart)).get('token') ?? undefined
}
