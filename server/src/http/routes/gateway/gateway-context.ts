import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'

import type { Cluster, Clusters } from '#dask/clusters.ts'
import type { ClusterOptions } from '#dask/options/cluster-options.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'

/** What the protocol's routes stand on. */
export interface GatewayContext {
  /** Undefined: this platform has no Dask clusters. */
  dask: { clusters: Clusters; options: ClusterOptions } | undefined
  users: Pick<Users, 'findById'>
}

/** What all of the protocol's routes have in common. */
export const common = { tag: 'dask gateway', protocol: 'dask-gateway', checkedBy: 'handler' } as const

export const ofOwner = {
  open: 'Which user the cluster belongs to, and so which scope is needed, is known after it was found: the handler checks.',
} as const

/** Throws `not_found` where the platform has no clusters. */
export function getDask({ dask }: GatewayContext): NonNullable<GatewayContext['dask']> {
  if (dask === undefined) {
    throw new PlatformError('not_found', { message: 'This platform has no Dask clusters.' })
  }
  return dask
}

/** Clusters belong to people. Throws `forbidden` for services, and for tokens that may not `scope` their owner's clusters. */
export async function getOwner({ users }: GatewayContext, principal: Principal, scope: Scope): Promise<User> {
  if (principal.kind !== 'user') {
    throw new PlatformError('forbidden', { message: 'Clusters belong to users, not to services.' })
  }
  if (!hasScope(principal, scope, { user: principal.name })) {
    throw new PlatformError('forbidden', { message: `This needs a token with the scope ${scope}.` })
  }
  const user = await users.findById(principal.id)
  if (user === undefined) throw new PlatformError('unauthenticated')
  return user
}

/** The words of the reference server. */
export function missing(name: string): PlatformError {
  return new PlatformError('not_found', { message: `Cluster ${name} not found` })
}

/** Throws `forbidden` unless the principal holds `scope` for the cluster's owner. */
export function requireCluster(
  cluster: Cluster,
  principal: Principal,
  scope: Scope,
  what: 'view' | 'stop',
): void {
  if (hasScope(principal, scope, { user: cluster.user })) return
  throw new PlatformError('forbidden', {
    message: `User ${principal.name} lacks permissions to ${what} cluster ${cluster.name}`,
  })
}
