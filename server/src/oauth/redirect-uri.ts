import { PlatformError } from '@atrium/contract/errors.ts'

/**
 * The redirect URI an authorization answer goes to: the requested one if it is registered, compared character by character (RFC 6749
 * section 3.1.2.3, RFC 9700 section 2.1), or the only registered one when none was requested. JupyterHub registers paths of its own
 * origin (`/user/alice/oauth_callback`), so a path is as good as an absolute URI. Throws `bad_request`, to be shown to the person and
 * never sent to the URI (RFC 6749 section 4.1.2.1).
 */
export function findRedirectUri(registered: readonly string[], requested: string | undefined): string {
  if (requested === undefined) {
    const [only, ...others] = registered
    if (only === undefined || others.length > 0) {
      throw new PlatformError('bad_request', { message: 'Missing redirect URI.' })
    }
    return only
  }
  if (!isRedirectUri(requested)) throw new PlatformError('bad_request', { message: 'Invalid redirect URI.' })
  if (!registered.includes(requested)) {
    throw new PlatformError('bad_request', { message: 'Mismatching redirect URI.' })
  }
  return requested
}

/** May be registered: a path of our own origin or an absolute http(s) URI, without fragment (RFC 6749 section 3.1.2). */
export function isRedirectUri(uri: string): boolean {
  if (hasUnsafeCharacter(uri) || uri.includes('#')) return false
  if (uri.startsWith('/')) return !uri.startsWith('//')
  return URL.canParse(uri) && ['http:', 'https:'].includes(new URL(uri).protocol)
}

/** Control characters and spaces, which browsers drop, and backslashes, which they read as slashes. */
function hasUnsafeCharacter(uri: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u0020\u007f\\]/.test(uri)
}

/** Adds parameters to a registered redirect URI, keeping the query it has (RFC 6749 section 3.1.2). */
export function buildRedirect(uri: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.append(name, value)
  }
  return `${uri}${uri.includes('?') ? '&' : '?'}${query}`
}
