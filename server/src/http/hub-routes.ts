import type { Hub } from '#hub/hub.ts'
import type { Identity } from '#identity/identity.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import type { Route } from './define-route.ts'
import { createProfileRoutes } from './routes/api/profiles.ts'
import { createAtriumServerRoutes } from './routes/api/servers.ts'
import { createActivityRoutes } from './routes/hub/activity.ts'
import { createProgressRoutes } from './routes/hub/progress.ts'
import { createProxyRoutes } from './routes/hub/proxy.ts'
import { createServerRoutes } from './routes/hub/servers.ts'
import { createShareCodeRoutes } from './routes/hub/share-codes.ts'
import { createSharedWithRoutes } from './routes/hub/shared-with.ts'
import { createShareRoutes } from './routes/hub/shares.ts'

export interface HubRoutesOptions {
  hub: Hub
  identity: Pick<Identity, 'users' | 'groups' | 'activity'>
  store: Store
  jobs: Jobs
  clock: Clock
  /** Where the control plane listens, as the edge sees it. */
  controlPlaneUrl: string
}

/** The API of servers: JupyterHub's and Atrium's own. */
export function createHubRoutes(options: HubRoutesOptions): readonly Route[] {
  const { hub, identity, jobs } = options
  const { findServer, ensureDefaultServer } = hub
  const common = { ...identity, jobs, findServer, ensureDefaultServer }
  const sharing = { ...common, shares: hub.shares, codes: hub.shareCodes, models: hub.shareModels }
  return [
    ...createServerRoutes({ ...common, ...hub }),
    ...createProgressRoutes(common),
    ...createActivityRoutes({ ...options, ...identity }),
    ...createShareRoutes(sharing),
    ...createSharedWithRoutes(sharing),
    ...createShareCodeRoutes(sharing),
    ...createProxyRoutes({ ...options, publisher: hub.publisher }),
    ...createAtriumServerRoutes({ ...common, ...hub }),
    ...createProfileRoutes({ users: identity.users, profiles: hub.profiles }),
  ]
}
