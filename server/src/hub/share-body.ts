import { PlatformError } from '@atrium/contract/errors.ts'

/** What a request to share says. */
export interface ShareBody {
  /** Exactly one of the two. */
  user?: string
  group?: string
  /** Absent: opening the server. */
  scopes?: readonly string[]
}

/** What a request for a share code says. */
export interface ShareCodeBody {
  scopes?: readonly string[]
  expiresInMs: number
}

const shortestSeconds = 60
const longestSeconds = 365 * 24 * 3600
const defaultSeconds = 24 * 3600

/** Reads the body of a grant or a revocation. Throws `bad_request`. */
export function parseShareBody(body: unknown): ShareBody {
  const fields = parseFields(body, ['user', 'group', 'scopes'])
  const user = parseText(fields, 'user')
  const group = parseText(fields, 'group')
  if (user && group) throw refusal('Expected exactly one of `user` or `group`, not both.')
  if (user === undefined && group === undefined) throw refusal('Specify exactly one of `user` or `group`')
  return {
    ...parseScopes(fields),
    ...(user === undefined ? {} : { user }),
    ...(group === undefined || user ? {} : { group }),
  }
}

/** Reads the body of a request for a share code. Throws `bad_request`. */
export function parseShareCodeBody(body: unknown): ShareCodeBody {
  const fields = parseFields(body, ['scopes', 'expires_in'])
  const seconds = fields['expires_in'] ?? defaultSeconds
  const isAllowed =
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds >= shortestSeconds &&
    seconds <= longestSeconds
  if (!isAllowed) throw refusal(`expires_in must be seconds, from ${shortestSeconds} to ${longestSeconds}`)
  return { ...parseScopes(fields), expiresInMs: seconds * 1000 }
}

function parseFields(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body)) throw refusal('Body must be a JSON object')
  const fields = body as Record<string, unknown>
  const unknown = Object.keys(fields).filter((key) => !known.includes(key))
  if (unknown.length > 0) throw refusal(`Unexpected fields: ${unknown.join(', ')}`)
  return fields
}

function parseText(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw refusal(`${name} must be a string`)
  return value
}

function parseScopes({ scopes }: Readonly<Record<string, unknown>>): { scopes?: readonly string[] } {
  if (scopes === undefined || scopes === null) return {}
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) {
    throw refusal('scopes must be a list of strings')
  }
  return scopes.length === 0 ? {} : { scopes }
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
