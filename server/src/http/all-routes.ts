import { type BrowserRoutes, type BrowserRoutesOptions, createBrowserRoutes } from './browser-routes.ts'
import { createDaskRoutes, type DaskRoutesOptions } from './dask-routes.ts'
import type { Route } from './define-route.ts'
import { createHubRoutes, type HubRoutesOptions } from './hub-routes.ts'
import { createIdentityRoutes, type IdentityRoutesOptions } from './identity-routes.ts'
import { createOperationRoutes, type OperationRoutesOptions } from './operation-routes.ts'
import { createDatabaseRoutes } from './routes/api/database.ts'
import { createOpenApiRoutes } from './routes/api/openapi.ts'
import { createMetricsRoutes, type MetricsRoutesOptions } from './routes/hub/metrics.ts'
import { createNodeJobRoutes, type NodeJobRoutesOptions } from './routes/hub/node-jobs.ts'
import { createShutdownRoutes, type ShutdownRoutesOptions } from './routes/hub/shutdown.ts'

export interface AllRoutesOptions {
  readonly browser: BrowserRoutesOptions
  readonly hub: HubRoutesOptions
  readonly identity: IdentityRoutesOptions
  readonly operations: OperationRoutesOptions
  readonly database: Parameters<typeof createDatabaseRoutes>[0]
  readonly shutdown: ShutdownRoutesOptions
  readonly metrics: MetricsRoutesOptions
  readonly nodeJobs: NodeJobRoutesOptions
  readonly dask: DaskRoutesOptions
  readonly version: string
}

/** Every route of the control plane: what is registered, documented and tried without credentials. */
export interface AllRoutes extends BrowserRoutes {
  readonly routes: readonly Route[]
}

/** Puts all routes together. */
export function createAllRoutes(options: AllRoutesOptions): AllRoutes {
  const browser = createBrowserRoutes(options.browser)
  const routes: Route[] = [
    ...browser.routes,
    ...createHubRoutes(options.hub),
    ...createIdentityRoutes(options.identity),
    ...createOperationRoutes(options.operations),
    ...createDatabaseRoutes(options.database),
    ...createShutdownRoutes(options.shutdown),
    ...createMetricsRoutes(options.metrics),
    ...createNodeJobRoutes(options.nodeJobs),
    ...createDaskRoutes(options.dask),
    ...createOpenApiRoutes({ listRoutes: () => routes, version: options.version }),
  ]
  return { ...browser, routes }
}
