/**
 * The cookie that carries a browser's session at the platform. Its value is the session's secret, verbatim (URL-safe text), and it is
 * set for `/`, HttpOnly, SameSite=Lax. The edge takes it out of every request to a user's server or a service, and refuses to pass one
 * that such a server tries to set.
 */
export const sessionCookieNames = {
  /** Behind TLS: the prefix makes browsers refuse it from a subdomain, without `Secure`, or for another path. */
  secure: '__Host-atrium-session',
  plain: 'atrium-session',
} as const

/** The session cookie's name where users reach the platform by `publicUrl`. */
export function findSessionCookieName(publicUrl: string): string {
  return publicUrl.startsWith('https:') ? sessionCookieNames.secure : sessionCookieNames.plain
}
