import type { Route } from '#edge/edge.ts'
import type { Services } from '#identity/services.ts'

import type { ActiveServers } from './active-servers.ts'
import { buildServiceRoute, findWantedRoute } from './edge-routes.ts'

/** What routes are wanted depends on this. */
export interface WantedRoutesOptions {
  active: ActiveServers
  services: Pick<Services, 'list'>
}

/** Every route that should be there, by prefix. */
export async function listWantedRoutes(options: WantedRoutesOptions): Promise<Map<string, Route>> {
  const routes = await listServiceRoutes(options)
  for (const server of await options.active.all()) {
    const route = findWantedRoute(server)
    if (route !== undefined) routes.set(route.prefix, route)
  }
  return routes
}

/** Those to services. */
export async function listServiceRoutes({
  services,
}: Pick<WantedRoutesOptions, 'services'>): Promise<Map<string, Route>> {
  const routes = (await services.list()).flatMap((service) => buildServiceRoute(service) ?? [])
  return new Map(routes.map((route) => [route.prefix, route]))
}
