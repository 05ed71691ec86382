import type { EdgeChange, Route, Tunnel } from '#edge/edge.ts'
import type { EdgeWays } from '#edge/route-source.ts'

/** What the edge was told of routes and tunnels. Every answer is what it has to be told for what is asked. */
export class PublishedWays {
  readonly #routes = new Map<string, Route>()
  readonly #tunnels = new Map<string, Tunnel>()

  get routes(): ReadonlyMap<string, Route> {
    return this.#routes
  }

  get tunnels(): ReadonlyMap<string, Tunnel> {
    return this.#tunnels
  }

  /** Everything was told anew. */
  replace({ routes, tunnels }: EdgeWays): void {
    this.clear()
    for (const route of routes) this.#routes.set(route.prefix, route)
    for (const tunnel of tunnels) this.#tunnels.set(tunnel.serverName, tunnel)
  }

  /** Nobody knows what the edge has. */
  clear(): void {
    this.#routes.clear()
    this.#tunnels.clear()
  }

  putRoute(route: Route): readonly EdgeChange[] {
    if (isSame(this.#routes.get(route.prefix), route)) return []
    this.#routes.set(route.prefix, route)
    return [{ type: 'route-put', route }]
  }

  deleteRoute(prefix: string): readonly EdgeChange[] {
    return this.#routes.delete(prefix) ? [{ type: 'route-delete', prefix }] : []
  }

  putTunnel(tunnel: Tunnel): readonly EdgeChange[] {
    if (isSame(this.#tunnels.get(tunnel.serverName), tunnel)) return []
    this.#tunnels.set(tunnel.serverName, tunnel)
    return [{ type: 'tunnel-put', tunnel }]
  }

  deleteTunnel(serverName: string): readonly EdgeChange[] {
    return this.#tunnels.delete(serverName) ? [{ type: 'tunnel-delete', serverName }] : []
  }

  put({ routes, tunnels }: EdgeWays): readonly EdgeChange[] {
    return [
      ...routes.flatMap((route) => this.putRoute(route)),
      ...tunnels.flatMap((tunnel) => this.putTunnel(tunnel)),
    ]
  }
}

function isSame(known: Route | Tunnel | undefined, wanted: Route | Tunnel): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(wanted)
}
