/**
 * JupyterHub 6.1's REST answers, as far as our own clients read them (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html).
 * Times are ISO 8601 strings. Fields a caller's scopes do not cover are absent, so nearly all are optional.
 */

/** `GET /hub/api/users/:name` and one of `GET /hub/api/users`. */
export interface HubUser {
  kind: 'user'
  name: string
  admin?: boolean
  roles?: readonly string[]
  groups?: readonly string[]
  /** URL of the default server, while it runs. */
  server?: string | null
  pending?: 'spawn' | 'stop' | null
  created?: string
  last_activity?: string | null
  /** What the way of signing in left behind, for who may read it. */
  auth_state?: unknown
  user_info?: null
  /** By name; running ones, and stopped ones too when asked for. */
  servers?: Readonly<Record<string, HubServer>>
}

export interface HubServer {
  name: string
  last_activity: string | null
  started: string | null
  pending: 'spawn' | 'stop' | null
  ready: boolean
  stopped: boolean
  url: string
  progress_url: string
  user_options?: Readonly<Record<string, unknown>>
}

/** `GET /hub/api/groups`. */
export interface HubGroup {
  kind: 'group'
  name: string
  users?: readonly string[]
  roles?: readonly string[]
  properties?: Readonly<Record<string, unknown>>
}

/** `GET /hub/api/services`, by name. */
export interface HubService {
  kind: 'service'
  name: string
  admin?: boolean
  roles?: readonly string[]
  url?: string | null
  prefix?: string
  pid?: number
  command?: readonly string[]
  info?: Readonly<Record<string, unknown>>
  display?: boolean
}

/** One of `api_tokens` of `GET /hub/api/users/:name/tokens`. */
export interface HubToken {
  kind: 'api_token'
  id: string
  user?: string
  service?: string
  roles?: readonly string[]
  scopes: readonly string[]
  created: string
  last_activity: string | null
  expires_at: string | null
  note: string
  /** Whose OAuth token; absent or `jupyterhub` for those made by page or API. */
  oauth_client?: string
  session_id?: string | null
}

/** Answer to `POST /hub/api/users/:name/tokens`: the only time the secret is seen. */
export interface HubCreatedToken extends HubToken {
  token: string
}

/** `POST /hub/api/users/:name/tokens`. */
export interface HubTokenRequest {
  note: string
  /** Seconds; absent: never expires. */
  expires_in?: number
  /** Absent: `inherit`, all the owner may do. */
  scopes?: readonly string[]
}

/** One of `items` of `GET /hub/api/shares/:owner/:server` and of `GET /hub/api/users/:name/shared`. */
export interface HubShare {
  kind: 'user' | 'group'
  server: { user: { name: string }; name: string; url: string; ready: boolean }
  user: { name: string } | null
  group: { name: string } | null
  scopes: readonly string[]
  created_at: string
  expires_at: string | null
}

/** `POST /hub/api/shares/:owner/:server`: with a user or a group. */
export interface HubShareRequest {
  user?: string
  group?: string
  scopes?: readonly string[]
}

/** One of `items` of `GET /hub/api/share-codes/:owner/:server`. `code` and its URL come only with the answer that created it. */
export interface HubShareCode {
  id: string
  server: { user: { name: string }; name: string; url: string; ready: boolean }
  scopes: readonly string[]
  created_at: string
  expires_at: string | null
  exchange_count: number
  last_exchanged_at: string | null
  code?: string
  accept_url?: string
  full_accept_url?: string | null
}

/** A page of a list, asked for by `Accept: application/jupyterhub-pagination+json`. */
export interface HubPage<Item> {
  items: readonly Item[]
  _pagination: {
    offset: number
    limit: number
    total: number
    next: { offset: number; limit: number; url: string } | null
  }
}

/** One event of a server's progress stream. */
export interface HubProgress {
  /** 0-100. */
  progress: number
  message?: string
  html_message?: string
  ready?: boolean
  failed?: boolean
  /** Once ready. */
  url?: string
}

/** `GET /hub/api/info`. */
export interface HubInfo {
  version: string
  python?: string
  sys_executable?: string
  spawner?: { class: string; version: string }
  authenticator?: { class: string; version: string }
}
