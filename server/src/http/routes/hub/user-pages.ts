import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteReply, type RouteRequest } from '#http/define-route.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'
import type { ServerModels } from '#hub/server-models.ts'
import { hasScope, type Principal, requireScope } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import {
  buildPendingUrl,
  buildSpawnUrl,
  findNext,
  findPageServer,
  type PageServer,
} from './server-page-context.ts'

export interface UserPagesOptions {
  pages: PortalPages
  users: Pick<Users, 'find'>
  servers: Pick<ServerModels, 'find'>
  clock: Clock
}

/** JupyterHub's status for requests to a server that does not run: the server is what failed, not the resource on it. */
const notRunningStatus = 424

/** Redirects between here and the edge before we call it a loop. */
const mostRedirects = 4

const userPrefix = '/hub/user/'

/** What people meet on the way to a server that is not there: still starting, or not running. */
export function createUserPageRoutes(options: UserPagesOptions): Route[] {
  return [
    pendingRoute(options, '/hub/spawn-pending/:user'),
    pendingRoute(options, '/hub/spawn-pending/:user/:server'),
    ...['/hub/user/:user', '/hub/user/:user/*'].flatMap((path) => [
      visitRoute(options, path),
      ...(['POST', 'PUT', 'PATCH', 'DELETE'] as const).map((method) => callRoute(method, path)),
    ]),
  ]
}

function pendingRoute(options: UserPagesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'The page that follows the start of a server, and leads to it when it is ready.',
    tag: 'pages',
    authentication: 'session',
    access: { anyOf: ['servers'], on: 'server' },
    answers: 'page',
    schemas: { responses: { 200: Type.String(), 302: null } },
    async handler(request, reply) {
      const { user = '', server = '' } = request.params
      const { model } = await findPageServer(options, user, server)
      if (model === undefined) {
        throw new PlatformError('not_found', { message: `${user} has no such server ${server}` })
      }
      if (model.ready) return reply.redirect(findNext(request) ?? model.url)
      return options.pages.render(request, reply, { kind: 'portal' })
    },
  })
}

/** Where the edge and old links send browsers whose server has no route. */
function visitRoute(options: UserPagesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: "Leads to a user's server, or says that it is not running.",
    tag: 'pages',
    authentication: 'token-or-session',
    access: { open: 'The handler asks for `access:servers` of the server that the path leads to.' },
    answers: 'page',
    schemas: { responses: { 302: null, 303: null, 424: Type.String() } },
    async handler(request, reply) {
      const server = await findVisitedServer(options, request)
      if (server.model?.ready) return redirectToServer(options, request, reply)
      if (expectsJson(request)) return sendNotRunning(request, reply, server)
      if (server.model?.pending != null) {
        return reply.redirect(buildPendingUrl(server, new URLSearchParams({ next: request.raw.url })), 303)
      }
      return options.pages.render(request, reply, describeNotRunning(request, server), {
        status: notRunningStatus,
      })
    },
  })
}

/** A program that calls the API of a server that is not there. It learns nothing but that. */
function callRoute(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string): Route {
  return defineRoute({
    method,
    path,
    summary: "Says that a user's server is not running.",
    tag: 'pages',
    authentication: 'none',
    access: { open: 'The answer is the same whether or not there is such a server.' },
    accepts: 'raw',
    schemas: { responses: { 424: Type.Object({ message: Type.String() }) } },
    handler: (request, reply) => {
      const { user = '' } = request.params
      reply.code(notRunningStatus)
      return { message: buildNotRunningMessage(request, user, '') }
    },
  })
}

/** The path's first part may name a server; if it does not, the path is the default server's. */
async function findVisitedServer(
  options: UserPagesOptions,
  { principal, params }: { principal: Principal; params: Readonly<Record<string, string>> },
): Promise<PageServer> {
  const { user = '', '*': rest = '' } = params
  const [name = ''] = rest.split('/')
  if (name === '' || !hasScope(principal, 'access:servers', { user, server: name })) {
    requireScope(principal, ['access:servers'], { user, server: '' })
    return findPageServer(options, user, '')
  }
  const named = await findPageServer(options, user, name)
  if (named.model !== undefined) return named
  requireScope(principal, ['access:servers'], { user, server: '' })
  return findPageServer(options, user, '')
}

/**
 * The server runs, so the edge has its route or is about to. Counted in the URL as JupyterHub does: a browser that comes back waits longer each
 * time, and is told in the end.
 */
async function redirectToServer(
  { clock }: UserPagesOptions,
  request: RouteRequest,
  reply: RouteReply,
): Promise<RouteReply> {
  const [path = '', query = ''] = request.raw.url.slice('/hub'.length).split('?', 2)
  const parameters = query.split('&').filter((parameter) => parameter !== '')
  const others = parameters.filter((parameter) => !parameter.startsWith('redirects='))
  const redirects = Number(new URLSearchParams(query).get('redirects')) || 0
  if (redirects >= mostRedirects) throw new PlatformError('internal', { message: 'Redirect loop detected.' })
  if (redirects > 0) await clock.sleep(100 * 2 ** redirects, { signal: request.signal })
  return reply.redirect(`${path}?${[...others, `redirects=${redirects + 1}`].join('&')}`)
}

/** True for programs: they say so, or ask for a server's API. */
function expectsJson({ raw, params }: RouteRequest): boolean {
  const accept = raw.headers.accept ?? ''
  const [json, page] = [accept.indexOf('application/json'), accept.indexOf('text/html')]
  const { '*': rest = '' } = params as Record<string, string>
  return rest.split('/').includes('api') || (json >= 0 && (page < 0 || json < page))
}

function sendNotRunning(request: RouteRequest, reply: RouteReply, { owner, name }: PageServer): RouteReply {
  return reply
    .code(notRunningStatus)
    .type('application/json')
    .send(JSON.stringify({ message: buildNotRunningMessage(request, owner.name, name) }))
}

function buildNotRunningMessage(
  { raw, origin }: Pick<RouteRequest, 'raw' | 'origin'>,
  user: string,
  server: string,
): string {
  const [path = ''] = raw.url.split('?')
  const spawn = [user, server].filter(Boolean).map(encodeURIComponent).join('/')
  return `JupyterHub server no longer running at ${path.slice('/hub'.length)}. Restart the server at ${origin}/hub/spawn/${spawn}`
}

function describeNotRunning({ raw, principal }: RouteRequest, server: PageServer) {
  const isOwn = principal?.name === server.owner.name
  const whose = isOwn ? 'Your server' : `The server of ${server.owner.name}`
  const which = server.name === '' ? whose : `${whose} ${server.name}`
  const mayStart =
    principal !== undefined &&
    hasScope(principal, 'servers', { user: server.owner.name, server: server.name })
  const next = `/user/${raw.url.slice(userPrefix.length)}`
  return {
    kind: 'error',
    status: notRunningStatus,
    message: `${which} is not running.`,
    ...(mayStart ? { action: { label: 'Start it', url: buildSpawnUrl(server, next) } } : {}),
  } as const
}
