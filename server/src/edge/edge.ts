/** Who a forwarded path belongs to, and so what a caller needs to reach it. */
export type RouteAccess =
  /** The control plane and its pages: it authenticates every request itself. */
  | { kind: 'control-plane' }
  /** A user's server: `access:servers` for it. */
  | { kind: 'server'; user: string; server: string }
  /** A Dask cluster's dashboard: `access:clusters` for it. */
  | { kind: 'cluster'; user: string; cluster: string }
  /** A service: it authenticates itself by HubOAuth (JupyterHub's contract), so the edge passes everyone through. */
  | { kind: 'service'; service: string }

/** A wanted route. The longest prefix wins; a prefix matches whole path segments. */
export interface Route {
  /** Decoded path, starts and ends with `/`: `/user/alice/`, `/services/stats/`. Unique. */
  prefix: string
  /** `http://host:port`, or absent while the server is not running: the edge answers with a page that offers to start it. */
  target?: string
  access: RouteAccess
  /**
   * Sent to the target as `X-Atrium-Proof` with every request, so that it can refuse what did not come through the edge. A secret: the proxy
   * API does not show it, and nobody else can send that header.
   */
  proof?: string
  /** Free data shown by the proxy API (JupyterHub's `data` of a route). */
  data: Readonly<Record<string, unknown>>
}

/**
 * A wanted way for TLS connections that the edge passes on as they are, by the server name of their ClientHello (SNI, RFC 6066 section 3).
 * Who may come in is settled by what is behind it, which asks for a client certificate.
 */
export interface Tunnel {
  /** Lower case. Unique: `daskgateway-0123456789abcdef0123456789abcdef`. */
  serverName: string
  /** `tcp://host:port`. */
  target: string
  /** Free data for the operator's eyes. */
  data: Readonly<Record<string, unknown>>
}

/**
 * A session or token as the edge needs it. `hash` is the SHA-256 of the secret in lower-case hex: the secret itself never reaches
 * the store or this wire.
 */
export interface EdgeCredential {
  hash: string
  kind: 'session' | 'token'
  /** Whose credential; a service's name when `service`. */
  subject: string
  service?: boolean
  /** Milliseconds since the epoch; absent: until revoked. */
  expiresAtMs?: number
  /**
   * The servers it may reach, `access:servers` already expanded: `'*'` for all, else `NAME` (all servers of a user) or
   * `NAME/SERVER` (one; the default server is `NAME/`).
   */
  servers: '*' | readonly string[]
  /** Users whose clusters' dashboards it may open; `'*'` for all. */
  clusters: '*' | readonly string[]
}

/** Everything the edge has to know. */
export interface EdgeState {
  routes: readonly Route[]
  tunnels: readonly Tunnel[]
  credentials: readonly EdgeCredential[]
  /**
   * Where the control plane's replicas listen: `unix:/path` or `http://host:port`. None: the edge holds requests to it for a while,
   * which is how a control plane announces its restart so that not one request is lost.
   */
  controlPlanes: readonly string[]
}

/** A change to it. */
export type EdgeChange =
  /** A new target or access cuts what runs through the old one; new `data` alone cuts nothing. */
  | { type: 'route-put'; route: Route }
  | { type: 'route-delete'; prefix: string }
  /** A new target cuts what runs through the old one. */
  | { type: 'tunnel-put'; tunnel: Tunnel }
  | { type: 'tunnel-delete'; serverName: string }
  | { type: 'credential-put'; credential: EdgeCredential }
  /** Open websockets and running responses that rest on it are cut. */
  | { type: 'credential-delete'; hash: string }
  | { type: 'control-planes'; controlPlanes: readonly string[] }

/** What passed through a route since the last report. */
export interface RouteActivity {
  prefix: string
  /** Last request or websocket frame, milliseconds since the epoch. */
  lastActivityMs: number
  /**
   * Last websocket message that a client sent: data frames alone, since a forgotten tab answers pings for ever. Absent: none, or the driver
   * cannot tell.
   */
  lastMessageMs?: number
  openWebsockets: number
}

/** Use of a credential since the last report. */
export interface CredentialActivity {
  hash: string
  lastActivityMs: number
}

export interface EdgeReport {
  routes: readonly RouteActivity[]
  credentials: readonly CredentialActivity[]
}

/** A request met nobody at a route's target: the server behind it died, or never came up. */
export interface TargetFailure {
  prefix: string
  target: string
}

/** The proxy in front of everything. Drivers: the built-in one, later Traefik. */
export interface Edge {
  /** Replaces everything the edge knows; open websockets whose route and credential are still there live on. Resolves when live. */
  replace(state: EdgeState): Promise<void>
  /** Applies changes in order. Resolves when they are live (the aim is < 5 ms). */
  apply(changes: readonly EdgeChange[]): Promise<void>
  /** Called with activity every few seconds while there is any. */
  onReport(listener: (report: EdgeReport) => void): () => void
  /** Called, at most once a second per route, when a target refused a connection: a hint to look at its job at once. */
  onTargetFailed(listener: (failure: TargetFailure) => void): () => void
  /** Called when the edge came back empty (it was restarted) and needs `replace`. */
  onReset(listener: () => void): () => void
  /** Where users reach the platform: `http://127.0.0.1:8000`. */
  readonly publicUrl: string
  /** Lets go of the edge; it serves on. */
  close(): Promise<void>
}
