import type { FastifyRequest } from 'fastify'

import type { Principal, SessionPrincipal } from '#identity/principal.ts'
import type { MaybePromise, Principals } from '#identity/principals.ts'
import { findCookie } from './cookies.ts'
import { findGatewaySecret } from './dask-gateway-protocol.ts'
import type { Authentication } from './define-route.ts'

/** `token` and `bearer` in any case: what JupyterHub takes. */
const authorizationPattern = /^(?:token|bearer)\s+(\S+)$/i

export type FindPrincipal = (
  request: FastifyRequest,
  authentication: Authentication,
) => MaybePromise<Principal | undefined>

/**
 * Finds who asks. A token in the `Authorization` header counts alone, even when it is wrong; else the session cookie. Tokens in URLs are
 * not taken, they end up in logs and histories. Browsers' form posts of other content types than JSON do not count as the API's.
 */
export function createFindPrincipal(
  principals: Pick<Principals, 'findByToken' | 'findBySession'>,
  cookieName: string,
): FindPrincipal {
  return (request, authentication) => {
    if (authentication === 'none') return undefined
    if (authentication !== 'session') {
      const secret = findTokenSecret(request)
      if (secret !== undefined) return principals.findByToken(secret)
      if (authentication === 'token' || authentication === 'optional-token') return undefined
    }
    const secret = findCookie(request.headers.cookie, cookieName)
    return secret === undefined ? undefined : principals.findBySession(secret)
  }
}

/** The secret in the `Authorization` header, if it is one of ours. */
function findTokenSecret(request: FastifyRequest): string | undefined {
  if (request.routeOptions.config.route?.protocol === 'dask-gateway') return findGatewaySecret(request)
  const header = request.headers.authorization
  return header === undefined ? undefined : authorizationPattern.exec(header)?.[1]
}

/** True when a browser's session, and not a token, let the principal in. */
export function isSessionPrincipal(principal: Principal): principal is SessionPrincipal {
  return principal.credential.kind === 'session'
}
