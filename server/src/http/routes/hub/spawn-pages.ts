import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteReply, type RouteRequest } from '#http/define-route.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'
import { assertRealVisit } from '#http/real-visit.ts'
import type { ProfileOfferings } from '#hub/profile-offers.ts'
import type { ServerModels } from '#hub/server-models.ts'
import { buildServerPath } from '#hub/server-paths.ts'
import type { UserOptions } from '#hub/server-records.ts'
import type { ServerStarter } from '#hub/server-starter.ts'
import { requireScope, type SessionPrincipal } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'
import type { JobKey } from '#scheduler/job.ts'
import {
  buildPendingUrl,
  findNext,
  findPageServer,
  type PageServer,
  readQuery,
} from './server-page-context.ts'

export interface SpawnPagesOptions {
  pages: PortalPages
  users: Pick<Users, 'find'>
  servers: Pick<ServerModels, 'find'>
  starter: ServerStarter
  profiles: Pick<ProfileOfferings, 'list'>
  /** Resolves when the start is decided or `waitMs` are over; throws when it failed. */
  waitForStart(key: JobKey, waitMs: number): Promise<'ready' | 'pending'>
}

type PageHandlerRequest = Omit<RouteRequest, 'principal' | 'params'> & {
  readonly principal: SessionPrincipal
  readonly params: Readonly<Record<string, string>>
}

/** A warm start is over by then and needs no page in between. Who has to wait longer wants to see what happens meanwhile. */
const warmStartMs = 500

/** Query parameters and form fields that are the page's own, not options of the server. */
const reservedFields = new Set(['next', 'display_name', '_xsrf'])

const paths = ['/hub/spawn', '/hub/spawn/:user', '/hub/spawn/:user/:server'] as const

/** The pages that start a server. */
export function createSpawnPageRoutes(options: SpawnPagesOptions): Route[] {
  return paths.flatMap((path) => [showRoute(options, path), startRoute(options, path)])
}

const access = {
  open: "The handler asks for `servers` of the one that the path names, the visitor's own without a name.",
}

function showRoute(options: SpawnPagesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'The page that starts a server; with options in its query it starts at once.',
    tag: 'pages',
    authentication: 'session',
    access,
    answers: 'page',
    schemas: { responses: { 200: Type.String(), 302: null } },
    async handler(request, reply) {
      const server = await findOwnOrNamed(options, request)
      const { model } = server
      if (model?.ready) return reply.redirect(findNext(request) ?? model.url)
      const query = readQuery(request)
      if (model?.pending != null) return reply.redirect(buildPendingUrl(server, query))
      const userOptions = parseOptions(query)
      if (userOptions === undefined && !(await hasNoChoice(options, server.owner))) {
        return options.pages.render(request, reply, { kind: 'portal' })
      }
      assertRealVisit(request.raw)
      return start(options, request, reply, server, userOptions)
    },
  })
}

function startRoute(options: SpawnPagesOptions, path: string): Route {
  return defineRoute({
    method: 'POST',
    path,
    summary: 'Starts a server with the options of a form.',
    tag: 'pages',
    authentication: 'session',
    access,
    answers: 'page',
    accepts: 'form',
    checkedBy: 'handler',
    schemas: { body: Type.Record(Type.String(), Type.Unknown()), responses: { 302: null } },
    async handler(request, reply) {
      const server = await findOwnOrNamed(options, request)
      return start(options, request, reply, server, parseForm(request.body))
    },
  })
}

async function findOwnOrNamed(options: SpawnPagesOptions, request: PageHandlerRequest): Promise<PageServer> {
  const { user = request.principal.name, server = '' } = request.params
  requireScope(request.principal, ['servers'], { user, server })
  return findPageServer(options, user, server)
}

/** Where there is nothing to choose the visit is the wish, as in JupyterHub without an options form; else the page asks. */
async function hasNoChoice({ profiles }: SpawnPagesOptions, owner: User): Promise<boolean> {
  const { offers } = await profiles.list(owner)
  const [only] = offers
  return offers.length === 1 && only !== undefined && only.accounts.length < 2
}

async function start(
  { starter, waitForStart }: SpawnPagesOptions,
  request: PageHandlerRequest,
  reply: RouteReply,
  server: PageServer,
  userOptions: UserOptions | undefined,
): Promise<RouteReply> {
  const query = readQuery(request)
  const displayName = query.get('display_name')
  const { job } = await starter.start({
    owner: server.owner,
    server: server.name,
    actor: request.actor(),
    ...(displayName ? { displayName } : {}),
    ...(userOptions === undefined ? {} : { userOptions }),
  })
  query.delete('display_name')
  // A start that failed is told on the page of the start, with its log.
  const outcome = await waitForStart(job.key, warmStartMs).catch(() => 'failed')
  const ready =
    outcome === 'ready' ? (findNext(request) ?? buildServerPath(server.owner.name, server.name)) : undefined
  return reply.redirect(ready ?? buildPendingUrl(server, query))
}

/** JupyterHub's rule: parameters with the prefix `opt-`, or else all but its own. Undefined: none. */
function parseOptions(query: URLSearchParams): UserOptions | undefined {
  const names = [...new Set(query.keys())].filter((name) => !reservedFields.has(name))
  const prefixed = names.filter((name) => name.startsWith('opt-'))
  if (prefixed.includes('opt-')) {
    throw new PlatformError('bad_request', { message: 'Invalid user-option name opt-' })
  }
  const chosen = prefixed.length > 0 ? prefixed : names
  if (chosen.length === 0) return undefined
  return buildOptions(chosen.map((name) => [name.replace(/^opt-/, ''), query.getAll(name)]))
}

function parseForm(body: unknown): UserOptions | undefined {
  const fields = Object.entries((body ?? {}) as Record<string, string | string[]>)
  const chosen = fields.filter(([name, value]) => !reservedFields.has(name) && value !== '')
  return chosen.length === 0 ? undefined : buildOptions(chosen.map(([name, value]) => [name, [value].flat()]))
}

/** JupyterHub keeps each option as the list of its values; those that are Atrium's own have one. */
const ownOptions = new Set(['profile', 'account'])

function buildOptions(entries: readonly (readonly [name: string, values: readonly string[]])[]): UserOptions {
  return Object.fromEntries(
    entries.map(([name, values]) => [name, ownOptions.has(name) ? values[0] : values]),
  )
}
