import type { EdgeChange, EdgeCredential, EdgeState, Route } from '#edge/edge.ts'
import { TunnelTable } from './tunnel-table.ts'

/** A route as the edge keeps it; the object lives as long as its target and access stay. */
export interface RouteRecord {
  route: Route
  /** False once it was replaced or removed: what runs through it is cut. */
  isLive: boolean
  lastActivityMs: number
  /** 0: no client sent a websocket message yet. */
  lastMessageMs: number
  openWebsockets: number
  /** Waits for the next activity report. */
  isTouched: boolean
}

/** A credential as the edge keeps it; the object lives until it is revoked. */
export interface CredentialRecord {
  credential: EdgeCredential
  /** For credentials that name many servers. */
  servers: ReadonlySet<string> | undefined
  isLive: boolean
  lastActivityMs: number
  isTouched: boolean
}

/** The longest list of servers that is searched as it is. */
const longestPlainList = 8

/** What the edge knows: routes, tunnels, credentials, control planes. Changes are live at once. */
export class EdgeTable {
  readonly #routes = new Map<string, RouteRecord>()
  /** How many routes have prefixes of that many segments. */
  readonly #routesByDepth: number[] = []
  readonly tunnels = new TunnelTable()
  readonly #credentials = new Map<string, CredentialRecord>()
  #controlPlanes: readonly string[] = []
  #isEmpty = true

  /** True until the first `replace`: nothing can be decided yet. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  get controlPlanes(): readonly string[] {
    return this.#controlPlanes
  }

  get routes(): Iterable<RouteRecord> {
    return this.#routes.values()
  }

  get counts(): { routes: number; tunnels: number; credentials: number } {
    return { routes: this.#routes.size, tunnels: this.tunnels.size, credentials: this.#credentials.size }
  }

  /** All of it, to hand over to a successor. */
  get state(): EdgeState {
    return {
      routes: Array.from(this.#routes.values(), ({ route }) => route),
      tunnels: this.tunnels.list(),
      credentials: Array.from(this.#credentials.values(), ({ credential }) => credential),
      controlPlanes: this.#controlPlanes,
    }
  }

  /** Makes it equal to `state`; records of what stays are kept. */
  replace(state: EdgeState): void {
    const prefixes = new Set(state.routes.map(({ prefix }) => prefix))
    for (const { route } of [...this.#routes.values()])
      if (!prefixes.has(route.prefix)) this.#deleteRoute(route.prefix)
    const hashes = new Set(state.credentials.map(({ hash }) => hash))
    for (const hash of [...this.#credentials.keys()]) if (!hashes.has(hash)) this.#deleteCredential(hash)
    for (const route of state.routes) this.#putRoute(route)
    this.tunnels.replace(state.tunnels)
    for (const credential of state.credentials) this.#putCredential(credential)
    this.#controlPlanes = state.controlPlanes
    this.#isEmpty = false
  }

  apply(change: EdgeChange): void {
    switch (change.type) {
      case 'route-put':
        this.#putRoute(change.route)
        break
      case 'route-delete':
        this.#deleteRoute(change.prefix)
        break
      case 'tunnel-put':
        this.tunnels.put(change.tunnel)
        break
      case 'tunnel-delete':
        this.tunnels.delete(change.serverName)
        break
      case 'credential-put':
        this.#putCredential(change.credential)
        break
      case 'credential-delete':
        this.#deleteCredential(change.hash)
        break
      case 'control-planes':
        this.#controlPlanes = change.controlPlanes
    }
  }

  /** The route with the longest prefix of `path` (decoded, starts with `/`), in whole segments. */
  findRoute(path: string): RouteRecord | undefined {
    let end = endOfSegments(path, this.#routesByDepth.length - 1)
    for (;;) {
      const record = this.#routes.get(path.slice(0, end))
      if (record !== undefined) return record
      if (end <= 0) return undefined
      end = path.lastIndexOf('/', end - 1)
    }
  }

  findCredential(hash: string): CredentialRecord | undefined {
    return this.#credentials.get(hash)
  }

  #putRoute(route: Route): void {
    const key = route.prefix.slice(0, -1)
    const present = this.#routes.get(key)
    if (present !== undefined && isSameWay(present.route, route)) {
      present.route = route
      return
    }
    if (present === undefined) this.#count(route.prefix, 1)
    else present.isLive = false
    this.#routes.set(key, {
      route,
      isLive: true,
      lastActivityMs: present?.lastActivityMs ?? 0,
      lastMessageMs: 0,
      openWebsockets: 0,
      isTouched: false,
    })
  }

  #deleteRoute(prefix: string): void {
    const key = prefix.slice(0, -1)
    const present = this.#routes.get(key)
    if (present === undefined) return
    present.isLive = false
    this.#routes.delete(key)
    this.#count(prefix, -1)
  }

  #count(prefix: string, change: 1 | -1): void {
    const depth = prefix.split('/').length - 2
    while (this.#routesByDepth.length <= depth) this.#routesByDepth.push(0)
    this.#routesByDepth[depth] = (this.#routesByDepth[depth] ?? 0) + change
    while (this.#routesByDepth.at(-1) === 0) this.#routesByDepth.pop()
  }

  #putCredential(credential: EdgeCredential): void {
    const { servers } = credential
    const set = servers !== '*' && servers.length > longestPlainList ? new Set(servers) : undefined
    const present = this.#credentials.get(credential.hash)
    if (present === undefined) {
      this.#credentials.set(credential.hash, {
        credential,
        servers: set,
        isLive: true,
        lastActivityMs: 0,
        isTouched: false,
      })
      return
    }
    present.credential = credential
    present.servers = set
  }

  #deleteCredential(hash: string): void {
    const present = this.#credentials.get(hash)
    if (present === undefined) return
    present.isLive = false
    this.#credentials.delete(hash)
  }
}

/** True when the credential opens the server. */
export function mayReachServer(
  { credential, servers }: CredentialRecord,
  user: string,
  server: string,
): boolean {
  if (credential.servers === '*') return true
  const list = servers ?? credential.servers
  const named = `${user}/${server}`
  return list instanceof Set
    ? list.has(user) || list.has(named)
    : includesEither(list as readonly string[], user, named)
}

/** True when the credential opens dashboards of the user's clusters. */
export function mayOpenClusters({ credential: { clusters } }: CredentialRecord, user: string): boolean {
  return clusters === '*' || clusters.includes(user)
}

function includesEither(list: readonly string[], a: string, b: string): boolean {
  return list.includes(a) || list.includes(b)
}

/** True when what runs through the one may go on through the other. */
function isSameWay(a: Route, b: Route): boolean {
  return a.target === b.target && JSON.stringify(a.access) === JSON.stringify(b.access)
}

/** Where the first `count` segments of a path end. */
function endOfSegments(path: string, count: number): number {
  let end = 0
  for (let index = 0; index < count; index += 1) {
    const next = path.indexOf('/', end + 1)
    if (next === -1) return path.length
    end = next
  }
  return end
}
