import { PlatformError } from '@atrium/contract/errors.ts'
import type { RouteRequest } from '#http/define-route.ts'
import { parseNextUrl } from '#http/next-url.ts'
import type { HubServerModel } from '#hub/server-model.ts'
import type { ServerModels } from '#hub/server-models.ts'
import { escapePathSegment } from '#hub/server-paths.ts'
import type { User, Users } from '#identity/users.ts'

/** A server that a page is about. */
export interface PageServer {
  owner: User
  /** Empty: the default server. */
  name: string
  /** Undefined: its owner has no such named server yet. */
  model: HubServerModel | undefined
}

/** Finds the server a page is about. Throws `not_found` for an unknown user. */
export async function findPageServer(
  { users, servers }: { users: Pick<Users, 'find'>; servers: Pick<ServerModels, 'find'> },
  user: string,
  name: string,
): Promise<PageServer> {
  const owner = await users.find(user)
  if (owner === undefined) throw new PlatformError('not_found', { message: `No such user: ${user}` })
  return { owner, name, model: await servers.find(owner, name) }
}

/** Where the visitor was going, where that is safe to follow. */
export function findNext({ raw, origin }: Pick<RouteRequest, 'raw' | 'origin'>): string | undefined {
  return parseNextUrl((raw.query as Record<string, unknown>)['next'], { publicOrigin: origin })
}

/** The page that follows a start. The query goes along, `next` too: the page leads there in the end. */
export function buildPendingUrl({ owner, name }: PageServer, query: URLSearchParams): string {
  return withQuery(`/hub/spawn-pending/${segments(owner.name, name)}`, query)
}

/** The page that starts a server and then leads to `next`. */
export function buildSpawnUrl({ owner, name }: PageServer, next: string): string {
  return withQuery(`/hub/spawn/${segments(owner.name, name)}`, new URLSearchParams({ next }))
}

function segments(user: string, server: string): string {
  return server === '' ? escapePathSegment(user) : `${escapePathSegment(user)}/${escapePathSegment(server)}`
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query}`
}

/** The request's query as it came. */
export function readQuery({ raw }: Pick<RouteRequest, 'raw'>): URLSearchParams {
  const start = raw.url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : raw.url.slice(start + 1))
}
