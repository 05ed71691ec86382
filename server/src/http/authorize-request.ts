import { PlatformError } from '@atrium/contract/errors.ts'
import { defaultServerSegment } from '@atrium/contract/servers.ts'
import type { FastifyRequest } from 'fastify'
import { type Principal, requireScope } from '#identity/principal.ts'
import type { Resource } from '#identity/scope-set.ts'
import type { RouteAccess } from './define-route.ts'

/** Throws `forbidden` or `not_found` unless the principal may use the route for what its path names. */
export function authorizeRequest(access: RouteAccess, principal: Principal, request: FastifyRequest): void {
  if ('open' in access) return
  if (access.on !== 'listing') {
    requireScope(principal, access.anyOf, findResource(access.on, request))
    return
  }
  const holdsAny = access.anyOf.some((scope) => principal.scopes.filterOf(scope) !== undefined)
  if (!holdsAny) requireScope(principal, access.anyOf)
}

function findResource(
  on: 'user' | 'server' | 'group' | 'service' | 'platform',
  request: FastifyRequest,
): Resource | undefined {
  const params = request.params as Record<string, string | undefined>
  switch (on) {
    case 'platform':
      return undefined
    case 'server':
      return { user: named(params, 'user'), server: readServerName(params['server']) }
    case 'user':
      return { user: named(params, 'user') }
    case 'group':
      return { group: named(params, 'group') }
    case 'service':
      return { service: named(params, 'service') }
  }
}

/** The default server has no name, and in Atrium's own paths a sign that no server can be called. */
export function readServerName(segment: string | undefined): string {
  return segment === undefined || segment === defaultServerSegment ? '' : segment
}

function named(params: Record<string, string | undefined>, name: string): string {
  const value = params[name]
  if (value === undefined) throw new PlatformError('internal', { detail: `the route's path has no :${name}` })
  return value
}
