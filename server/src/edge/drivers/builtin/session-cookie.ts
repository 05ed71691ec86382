import { sessionCookieName } from '@atrium/contract/cookies.ts'

const plainName = sessionCookieName(false)
const platformNames: readonly string[] = [plainName, sessionCookieName(true)]

/** A Cookie header with the platform's session taken out. */
export interface CookieSplit {
  /** Values of the session cookie, most often one. */
  sessions: string[]
  /** The header without session cookies of either name; empty when nothing is left. Other cookies stay byte for byte. */
  rest: string
}

/** Takes the session cookie named `name` out of a Cookie header (RFC 6265 section 5.4: pairs separated by `; `). */
export function splitCookieHeader(header: string, name: string): CookieSplit {
  // Almost every header of a signed-out client, and every one of a program.
  if (!header.includes(plainName)) return { sessions: [], rest: header }
  const sessions: string[] = []
  const rest = header.split(';').filter((pair) => {
    const pairName = findPairName(pair)
    if (!platformNames.includes(pairName)) return true
    if (pairName === name) sessions.push(pair.slice(pair.indexOf('=') + 1).trim())
    return false
  })
  return { sessions, rest: rest.join(';').trim() }
}

/**
 * True for a Set-Cookie that would plant a session. Browsers send a cookie without a name as its bare value, so `=atrium-session=x` plants
 * one as well.
 */
export function isSessionSetCookie(value: string): boolean {
  return platformNames.includes(findPairName(value.split(';', 1)[0] as string))
}

/** What stands before the first `=` that has something before it. */
function findPairName(pair: string): string {
  const named = pair.replace(/^[\s=]+/, '')
  const equals = named.indexOf('=')
  return (equals === -1 ? named : named.slice(0, equals)).trim()
}
