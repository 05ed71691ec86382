import { PlatformError } from '@atrium/contract/errors.ts'

import type { Route } from '#http/define-route.ts'
import { createHubRoutes } from '#http/hub-routes.ts'
import { createIdentityRoutes } from '#http/identity-routes.ts'
import { createOperationRoutes } from '#http/operation-routes.ts'
import { createDatabaseRoutes } from '#http/routes/api/database.ts'
import { createShutdownRoutes, type ShutdownRequest } from '#http/routes/hub/shutdown.ts'
import type { Hub } from '#hub/hub.ts'
import type { Identity } from '#identity/identity.ts'
import type { User } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { version } from './version.ts'

/** What the routes of both REST APIs stand on. */
export interface ApiRoutesOptions {
  identity: Identity
  jobs: Jobs
  hub: Hub
  store: Store
  clock: Clock
  /** Where the control plane listens, as the edge sees it. */
  controlPlaneUrl: string
  /** Where browsers reach the platform. */
  publicUrl: string
  driver: string
  /** `pam` or `local`. */
  signIn: string
  shutDown(request: ShutdownRequest): void
}

/** Every route of JupyterHub's REST API and of Atrium's own. */
export function createApiRoutes(options: ApiRoutesOptions): readonly Route[] {
  const { identity, hub, driver, signIn } = options
  return [
    ...createIdentityRoutes({
      identity,
      models: hub.models,
      stopServers: (user) => stopServers(hub, user),
      info: { version, signIn, driver },
    }),
    ...createHubRoutes(options),
    ...createOperationRoutes({
      ...options,
      version,
      startedAtMs: options.clock.now(),
      leaseName: 'job-reconciler',
    }),
    ...createDatabaseRoutes(options),
    ...createShutdownRoutes(options),
  ]
}

async function stopServers(hub: Hub, user: User): Promise<void> {
  const outcome = await hub.stopper.stopAll(user, { name: 'system' })
  if (outcome === 'stopping') {
    throw new PlatformError('bad_request', {
      message: `${user.name}'s servers are still stopping, please wait and try again.`,
    })
  }
}
