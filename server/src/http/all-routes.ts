import { type BrowserRoutesOptions, createBrowserRoutes } from './browser-routes.ts'
import type { Route } from './define-route.ts'
import { createHubRoutes, type HubRoutesOptions } from './hub-routes.ts'
import { createIdentityRoutes, type IdentityRoutesOptions } from './identity-routes.ts'
import { createOperationRoutes, type OperationRoutesOptions } from './operation-routes.ts'
import type { PortalPages } from './portal/portal-pages.ts'
import { createOpenApiRoutes } from './routes/api/openapi.ts'
import { createMetricsRoutes, type MetricsRoutesOptions } from './routes/hub/metrics.ts'
import { createShutdownRoutes, type ShutdownRoutesOptions } from './routes/hub/shutdown.ts'

export type AllRoutesOptions = BrowserRoutesOptions &
  HubRoutesOptions &
  IdentityRoutesOptions &
  OperationRoutesOptions &
  ShutdownRoutesOptions &
  MetricsRoutesOptions

/** Every route of the control plane: what is registered, documented and tested for authentication. */
export interface AllRoutes {
  readonly routes: readonly Route[]
  /** For `AppOptions.renderErrorPage`. */
  readonly renderErrorPage: PortalPages['renderError']
}

/** Puts all routes together. */
export function createAllRoutes(options: AllRoutesOptions): AllRoutes {
  const browser = createBrowserRoutes(options)
  const routes: Route[] = [
    ...browser.routes,
    ...createHubRoutes(options),
    ...createIdentityRoutes(options),
    ...createOperationRoutes(options),
    ...createShutdownRoutes(options),
    ...createMetricsRoutes(options),
    ...createOpenApiRoutes({ listRoutes: () => routes, version: options.version }),
  ]
  return { routes, renderErrorPage: browser.renderErrorPage }
}
