import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { xsrfCookieName, xsrfCookiePath } from '@atrium/contract/cookies.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'

import { findCookie, setCookie } from './cookies.ts'

const anonymousMaxAgeS = 3600

/**
 * Guards against requests that another site, or a page of another user's server, makes with a visitor's session. The protocol is JupyterHub's
 * (cookie `_xsrf`; sent back as `_xsrf` in query or form, `X-XSRFToken` or `X-CSRFToken`); the token is an HMAC of the session's public id,
 * so nothing is stored and a token planted by somebody else is worth nothing. Our pages carry it; scripts cannot read the cookie, whose path
 * would not keep it from those of users' servers: a frame of any page below that path shows it to its whole origin.
 */
export interface Xsrf {
  /** The token for pages answering this request; sets the cookie unless the browser has it. */
  tokenFor(request: FastifyRequest, reply: FastifyReply, sessionId: string | undefined): string
  /**
   * Throws `xsrf_failed` unless the request comes from our own origin and brings its session's token; with `allowAnonymous` (what changes who
   * is signed in) a token of ours that was given to a browser without a session will do.
   */
  check(request: FastifyRequest, sessionId: string | undefined, options: { allowAnonymous: boolean }): void
}

/** `key`: 32 secret bytes, the same on all replicas. `secure`: browsers come over https. */
export function createXsrf({ key, secure }: { key: Buffer; secure: boolean }): Xsrf {
  const sign = (text: string) => createHmac('sha256', key).update(text).digest('base64url')
  const sessionToken = (sessionId: string) => sign(`session ${sessionId}`)
  const anonymousToken = (nonce: string) => `${nonce}.${sign(`anonymous ${nonce}`)}`
  const isAnonymousToken = (token: string) => isSame(token, anonymousToken(token.split('.', 1)[0] ?? ''))

  return {
    tokenFor(request, reply, sessionId) {
      const cookie = findCookie(request.headers.cookie, xsrfCookieName)
      const isFresh =
        cookie !== undefined &&
        (sessionId === undefined ? isAnonymousToken(cookie) : isSame(cookie, sessionToken(sessionId)))
      if (isFresh) return cookie
      const token =
        sessionId === undefined
          ? anonymousToken(randomBytes(16).toString('base64url'))
          : sessionToken(sessionId)
      setCookie(reply, xsrfCookieName, token, {
        path: xsrfCookiePath,
        secure,
        ...(sessionId === undefined ? { maxAgeS: anonymousMaxAgeS } : {}),
      })
      return token
    },
    check(request, sessionId, { allowAnonymous }) {
      const isProven = assertSameOrigin(request)
      const token = readToken(request)
      if (sessionId !== undefined && isSame(token, sessionToken(sessionId))) return
      if (!allowAnonymous || !isAnonymousToken(token)) throw mismatch(request)
      const cookie = findCookie(request.headers.cookie, xsrfCookieName)
      // The cookie's path keeps it from the API's own paths; there the browser's word on the origin stands in for it.
      if (cookie === undefined ? !isProven : !isSame(token, cookie)) throw mismatch(request)
    },
  }
}

/**
 * True for a request that only looks and whose answer no script sees: no token is asked for. JupyterHub 6.1 lets `no-cors` pass too (its
 * `_xsrf_utils`), but scripts of the same origin can read those answers.
 */
export function isHarmlessRead(request: FastifyRequest): boolean {
  if (request.method === 'HEAD' || request.method === 'OPTIONS') return true
  const mode = request.headers['sec-fetch-mode']
  if (mode === 'websocket') return true
  if (request.method !== 'GET') return false
  return mode === undefined || mode === 'navigate'
}

/** Throws when the browser says that another site asks. True when it says that we do, false when it says nothing. */
function assertSameOrigin(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  if (site === undefined && origin === undefined) return false
  const isOurs =
    site === undefined ? isOwnOrigin(origin ?? '', request.host) : site === 'same-origin' || site === 'none'
  if (!isOurs) throw new PlatformError('xsrf_failed', { detail: { site, origin } })
  return true
}

/** Hosts only: a proxy that ends TLS may not have told us of the scheme. */
function isOwnOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}

function readToken(request: FastifyRequest): string {
  const { query, body, headers } = request
  const token = fieldOf(query) ?? fieldOf(body) ?? headers['x-xsrftoken'] ?? headers['x-csrftoken']
  if (typeof token !== 'string' || token === '') {
    throw new PlatformError('xsrf_failed', { message: `'_xsrf' argument missing from ${request.method}` })
  }
  return token
}

function fieldOf(container: unknown): unknown {
  return typeof container === 'object' && container !== null && xsrfCookieName in container
    ? container[xsrfCookieName]
    : undefined
}

function mismatch(request: FastifyRequest): PlatformError {
  return new PlatformError('xsrf_failed', {
    message: `XSRF cookie does not match ${request.method} argument`,
  })
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
