import { sessionCookieName, xsrfCookieName, xsrfCookiePath } from '@atrium/contract/cookies.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'

import type { SessionPrincipal } from '#identity/principal.ts'
import { findCookie, setCookie } from './cookies.ts'

/**
 * JupyterHub's cookie with the session's public id. `jupyterhub-singleuser` and HubOAuth services keep what they know of a token by it: when it
 * changes, they ask the hub again, so a sign-out is noticed at once.
 */
const publicIdCookieName = 'jupyterhub-session-id'

/** What a browser keeps of its session. */
export interface SessionCookies {
  /** After a sign-in. */
  set(reply: FastifyReply, session: { secret: string; sessionId: string }): void
  /** Lets the browser keep them as long as the session lives from now on, since its use prolongs it. */
  prolong(request: FastifyRequest, reply: FastifyReply, principal: SessionPrincipal): void
  /** Takes those that the browser brought. */
  clear(request: FastifyRequest, reply: FastifyReply): void
}

/** `secure`: browsers come over https. `sessionMs`: a browser stays signed in this long after its last visit. */
export function createSessionCookies({
  secure,
  sessionMs,
}: {
  secure: boolean
  sessionMs: number
}): SessionCookies {
  const name = sessionCookieName(secure)
  const options = { path: '/', secure }
  const maxAgeS = sessionMs / 1000
  const set: SessionCookies['set'] = (reply, { secret, sessionId }) => {
    setCookie(reply, name, secret, { ...options, maxAgeS })
    setCookie(reply, publicIdCookieName, sessionId, { ...options, maxAgeS })
  }
  return {
    set,
    prolong(request, reply, { credential }) {
      const secret = findCookie(request.headers.cookie, name)
      if (secret !== undefined) set(reply, { secret, sessionId: credential.sessionId })
    },
    clear({ headers }, reply) {
      const paths = { [name]: '/', [publicIdCookieName]: '/', [xsrfCookieName]: xsrfCookiePath }
      for (const [cookie, path] of Object.entries(paths)) {
        if (findCookie(headers.cookie, cookie) === undefined) continue
        setCookie(reply, cookie, '', { path, secure, maxAgeS: 0 })
      }
    },
  }
}
