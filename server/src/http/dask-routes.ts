import type { Clusters } from '#dask/clusters.ts'
import type { ClusterOptions } from '#dask/options/cluster-options.ts'
import type { Users } from '#identity/users.ts'

import type { Route } from './define-route.ts'
import { type ClusterRoutesOptions, createClusterRoutes } from './routes/api/clusters.ts'
import { createGatewayAboutRoutes } from './routes/gateway/about.ts'
import { createGatewayClusterRoutes } from './routes/gateway/clusters.ts'
import { createGatewayScalingRoutes } from './routes/gateway/scaling.ts'

export interface DaskRoutesOptions extends Omit<ClusterRoutesOptions, 'dask' | 'users'> {
  /** Undefined: this platform has no Dask clusters. */
  dask: { clusters: Clusters; options: ClusterOptions } | undefined
  identity: { users: Pick<Users, 'find' | 'findById'> }
}

/** Dask clusters: by Dask Gateway's protocol, and by Atrium's own. */
export function createDaskRoutes(options: DaskRoutesOptions): Route[] {
  const { dask, identity } = options
  const gateway = { dask, users: identity.users }
  return [
    ...createGatewayAboutRoutes(gateway),
    ...createGatewayClusterRoutes(gateway),
    ...createGatewayScalingRoutes(gateway),
    ...createClusterRoutes({ ...options, users: identity.users }),
  ]
}
