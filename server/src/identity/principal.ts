import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'

import type { Resource, ScopeSet } from './scope-set.ts'

/** A browser's session. */
export interface SessionCredential {
  readonly kind: 'session'
  readonly id: number
  /** Public id of the browser session; OAuth tokens that were given to it end with it. */
  readonly sessionId: string
  readonly expiresAtMs: number
}

/** An API or OAuth token. */
export interface TokenCredential {
  readonly kind: 'token'
  readonly id: number
  /** `jupyterhub` for tokens asked for by page or API, else the OAuth client's id. */
  readonly clientId: string
  readonly sessionId: string | null
  readonly expiresAtMs: number | null
  /** The server whose own token this is. */
  readonly serverId: number | null
}

/** Who asks, by what, and what they may do. Immutable; a change of roles, groups or shares makes a new one. */
interface PrincipalBase {
  readonly id: number
  readonly name: string
  readonly admin: boolean
  /** What this credential may do: a token's own scopes cut to its owner's. */
  readonly scopes: ScopeSet
}

export interface UserPrincipal extends PrincipalBase {
  readonly kind: 'user'
  readonly credential: SessionCredential | TokenCredential
}

export interface ServicePrincipal extends PrincipalBase {
  readonly kind: 'service'
  readonly credential: TokenCredential
}

export type Principal = UserPrincipal | ServicePrincipal

/** A user who came with a browser. */
export interface SessionPrincipal extends UserPrincipal {
  readonly credential: SessionCredential
}

/** True when `principal` holds `scope` for `resource`; without a resource: without any filter. */
export function hasScope(principal: Principal, scope: Scope, resource?: Resource): boolean {
  return principal.scopes.allows(scope, resource)
}

/**
 * Throws unless any of the scopes is held for `resource`. As in JupyterHub, who holds one for other things only learns nothing of this one
 * (`not_found`); who holds none is `forbidden`.
 */
export function requireScope(principal: Principal, anyOf: readonly Scope[], resource?: Resource): void {
  const { scopes } = principal
  for (const scope of anyOf) if (scopes.allows(scope, resource)) return
  if (resource !== undefined && anyOf.some((scope) => scopes.filterOf(scope) !== undefined)) {
    throw new PlatformError('not_found', { message: 'No access to resources or resources not found' })
  }
  throw new PlatformError('forbidden', {
    message: `Action is not authorized with current scopes; requires any of [${anyOf.join(', ')}]`,
  })
}

/** `user:alice`, `service:culler`: how logs and the audit trail name them. */
export function actorOf(principal: Principal): string {
  return `${principal.kind}:${principal.name}`
}
