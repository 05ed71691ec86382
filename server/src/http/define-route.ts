import type { Scope } from '@atrium/contract/permissions.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Static, TSchema } from 'typebox'

import type { Principal, SessionPrincipal } from '#identity/principal.ts'
import type { Actor } from '#observe/audit.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may come in.
 * - `none`: credentials are not looked at; the route may check its own (an OAuth client's secret, a one-time link).
 * - `optional`: a valid session or token is used, none is fine too.
 * - `session`: a signed-in browser. Pages send others to the sign-in page.
 * - `token-or-session`: the API.
 * - `token`: programs only; browsers' sessions are not looked at.
 * - `optional-token`: a valid token is used, none is fine too.
 */
export type Authentication = 'none' | 'optional' | 'session' | 'token-or-session' | 'token' | 'optional-token'

/**
 * What the principal must be allowed to do, checked before the body is read.
 * - `on: 'user' | 'server' | 'group' | 'service'`: any of the scopes for the one named by the path's parameters `user`, `user` and `server`
 *   (absent: the default server), `group` or `service`.
 * - `on: 'platform'`: any of the scopes without a filter.
 * - `on: 'listing'`: any of the scopes under whatever filter; the handler leaves out what the filter does not cover.
 * - `open`: no scope, for the reason given.
 */
export type RouteAccess =
  | {
      readonly anyOf: readonly [Scope, ...Scope[]]
      readonly on: 'user' | 'server' | 'group' | 'service' | 'platform' | 'listing'
    }
  | { readonly open: string }

/**
 * When the XSRF token is demanded. Requests with an `Authorization` header never need one.
 * - `session` (default): when the browser's session is what lets the request in.
 * - `always`: without a session too, for what changes who is signed in.
 * - `never`: for the reason given.
 */
export type XsrfRule = 'session' | 'always' | { readonly never: string }

/** Schemas of what goes in and out. Parameters and query are converted to the schema's types; unknown query keys are left alone. */
export interface RouteSchemas {
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  /** By status; `null`: no body. Errors need not be named. Tests check answers against it. */
  readonly responses: Readonly<Record<number, TSchema | null>>
}

type Parsed<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise

interface PrincipalFor {
  none: undefined
  optional: Principal | undefined
  session: SessionPrincipal
  'token-or-session': Principal
  token: Principal
  'optional-token': Principal | undefined
}

/** What a handler is given. */
export interface RouteRequest<
  S extends RouteSchemas = RouteSchemas,
  A extends Authentication = Authentication,
> {
  readonly principal: PrincipalFor[A]
  readonly params: Parsed<S['params'], Readonly<Record<string, string>>>
  readonly query: Parsed<S['query'], Readonly<Record<string, unknown>>>
  /** As the schema says, or as it came when the handler checks it. Undefined: the request had none. */
  readonly body: Parsed<S['body'], unknown>
  /** The client's address, as the edge saw it. */
  readonly remote: string
  readonly userAgent: string
  /** Scheme and host by which the client reached the platform, without a slash at the end. */
  readonly origin: string
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** Aborted when this control plane is to end: what only waits answers as things are, and the client asks again. */
  readonly closing: AbortSignal
  readonly log: Logger
  /** The XSRF token for the forms and scripts of the page that answers; sets its cookie if need be. `sessionId`: of a session just made. */
  xsrfToken(this: object, sessionId?: string): string
  /**
   * Whether the same credential would be let in now, for answers that go on for long: it may have been revoked, or its scopes taken. `check`:
   * what the handler itself asks of the principal.
   */
  isStillAllowed(this: object, check?: (principal: Principal) => boolean): Promise<boolean>
  /** For the audit trail. Throws `unauthenticated` when there is no principal. */
  actor(this: object): Actor
  /** For headers and streams. */
  readonly raw: FastifyRequest
}

/** Fastify's reply. What the handler returns is sent: objects as JSON, strings as they are; `undefined` with status 204 is no body. */
export type RouteReply = FastifyReply

export interface RouteOptions<S extends RouteSchemas, A extends Authentication> {
  readonly method: HttpMethod
  /** Fastify's path syntax: `/hub/api/users/:user`. */
  readonly path: string
  /** One sentence for the API's document. */
  readonly summary: string
  /** The resource it belongs to in the API's document: `users`. */
  readonly tag: string
  readonly authentication: A
  readonly access: RouteAccess
  readonly xsrf?: XsrfRule
  /** `json` (default): errors are JSON. `page`: errors are pages, and who is not signed in is sent to the sign-in page. */
  readonly answers?: 'json' | 'page'
  /** Another protocol than JupyterHub's: how credentials are presented, and the form and status of errors. See `dask-gateway-protocol.ts`. */
  readonly protocol?: 'dask-gateway'
  readonly schemas: S
  /**
   * `schema` (default), or `handler`: the schemas of query and body are for the API's document and the handler refuses what does not fit
   * in the words that the protocol's clients know.
   */
  readonly checkedBy?: 'schema' | 'handler'
  /**
   * How the body is read. `json` (default): as JSON whatever its content type says, as JupyterHub does. `form`: HTML forms, and JSON where the
   * content type says so; a repeated field becomes an array. `raw`: the text as it came.
   */
  readonly accepts?: 'json' | 'form' | 'raw'
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number
  handler(request: RouteRequest<S, A>, reply: RouteReply): unknown
}

declare const routeBrand: unique symbol

/** A route that can be registered. Made by `defineRoute` alone. */
export interface Route extends RouteOptions<RouteSchemas, Authentication> {
  readonly [routeBrand]: true
}

/**
 * The only way to a route: who may come in and what they must be allowed to do stand beside the path and cannot be left out. A file of
 * `http/routes/` exports `createXRoutes(dependencies)`, which answers an array of these.
 */
export function defineRoute<const S extends RouteSchemas, const A extends Authentication>(
  options: RouteOptions<S, A>,
): Route {
  // The handler's own types are proved here, where S and A are known; the pipeline that calls it keeps to them.
  return options as unknown as Route
}
