import type { Route } from '#http/define-route.ts'
import { createProfileRoutes } from '#http/routes/api/profiles.ts'
import { createAtriumServerRoutes } from '#http/routes/api/servers.ts'
import { createActivityRoutes } from '#http/routes/hub/activity.ts'
import { createCurrentUserRoutes } from '#http/routes/hub/current-user.ts'
import { createProgressRoutes } from '#http/routes/hub/progress.ts'
import { createProxyRoutes } from '#http/routes/hub/proxy.ts'
import { createServerRoutes } from '#http/routes/hub/servers.ts'
import type { Hub } from '#hub/hub.ts'
import type { Identity } from '#identity/identity.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

/** What the routes of both REST APIs stand on. */
export interface ApiRoutesOptions {
  identity: Identity
  jobs: Jobs
  hub: Hub
  store: Store
  clock: Clock
  /** Where the control plane listens, as the edge sees it. */
  controlPlaneUrl: string
  allowsNamedServers: boolean
}

/** Every route of JupyterHub's REST API and of Atrium's own. */
export function createApiRoutes(options: ApiRoutesOptions): readonly Route[] {
  const { identity, hub, jobs, store, clock } = options
  const { users } = identity
  const {
    models,
    starter,
    stopper,
    editor,
    findServer,
    waitForStart,
    publisher,
    profiles,
    view,
    keepRunning,
  } = hub
  return [
    ...createCurrentUserRoutes({ identity, models }),
    ...createServerRoutes({
      users,
      models,
      starter,
      stopper,
      editor,
      findServer,
      waitForStart,
      allowsNamedServers: options.allowsNamedServers,
    }),
    ...createProgressRoutes({ users, jobs, findServer }),
    ...createActivityRoutes({ users, activity: identity.activity, store, clock }),
    ...createProxyRoutes({ publisher, controlPlaneUrl: options.controlPlaneUrl }),
    ...createProfileRoutes({ users, profiles }),
    ...createAtriumServerRoutes({ users, view, jobs, keepRunning, findServer }),
  ]
}
