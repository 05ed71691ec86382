import type { FastifyReply } from 'fastify'

export interface CookieOptions {
  readonly path: string
  readonly secure: boolean
  /** Absent: until the browser closes. 0: delete it. */
  readonly maxAgeS?: number
}

/** The first cookie of that name (browsers send the most specific path first); undefined without one. */
export function findCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  let start = 0
  while (start < header.length) {
    let end = header.indexOf(';', start)
    if (end < 0) end = header.length
    const equals = header.indexOf('=', start)
    if (equals > 0 && equals < end && header.slice(start, equals).trim() === name) {
      return header.slice(equals + 1, end).trim()
    }
    start = end + 1
  }
  return undefined
}

/** Adds a `Set-Cookie`, for browsers alone: no script has to read a cookie of ours. `value` must be of cookie characters (base64url is). */
export function setCookie(reply: FastifyReply, name: string, value: string, options: CookieOptions): void {
  const parts = [`${name}=${value}`, `Path=${options.path}`, 'SameSite=Lax']
  if (options.maxAgeS !== undefined) parts.push(`Max-Age=${Math.floor(options.maxAgeS)}`)
  parts.push('HttpOnly')
  if (options.secure) parts.push('Secure')
  reply.header('set-cookie', parts.join('; '))
}
