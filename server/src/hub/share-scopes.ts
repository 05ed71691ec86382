import { PlatformError } from '@atrium/contract/errors.ts'
import { isScope, type Scope } from '@atrium/contract/permissions.ts'

import type { ServerName } from './server-records.ts'

/** The limit that every shared scope has. */
export function buildServerFilter({ user, server }: ServerName): string {
  return `server=${user}/${server}`
}

/** What is shared when nothing else is said: opening the server. */
export function buildDefaultShareScopes(name: ServerName): readonly string[] {
  return [`access:servers!${buildServerFilter(name)}`]
}

/**
 * The scopes as they are shared: each limited to this server, sorted. Throws `bad_request` for scopes that do not exist and for other
 * limits.
 */
export function buildShareScopes(requested: readonly string[], name: ServerName): readonly string[] {
  const limit = buildServerFilter(name)
  const scopes = requested.map((text) => {
    const [scope = '', ...rest] = text.split('!')
    const filter = rest.join('!')
    if (!isScope(scope)) throw refusal(`No such scope: ${scope}`)
    if (filter !== '' && filter !== limit) {
      throw refusal(`!${filter} not allowed on sharing ${text}, only !${limit}`)
    }
    return `${scope}!${limit}`
  })
  return [...new Set(scopes)].sort()
}

/** Stored scopes with the limit that is right now: server or owner may have been renamed since. */
export function relimitScopes(stored: readonly string[], name: ServerName): readonly string[] {
  return stored.map((text) => `${nameOf(text)}!${buildServerFilter(name)}`)
}

/** The scope without its limit. */
export function nameOf(scope: string): Scope {
  // Only scopes that passed `buildShareScopes` are stored.
  return scope.split('!', 1)[0] as Scope
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
