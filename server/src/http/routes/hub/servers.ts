import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteReply, type RouteRequest } from '#http/define-route.ts'
import { parseRemove, parseServerBody, parseServerPatch } from '#hub/server-body.ts'
import type { ServerEditor } from '#hub/server-editor.ts'
import type { HubServerModel } from '#hub/server-model.ts'
import type { ServerModels } from '#hub/server-models.ts'
import type { ServerRecord } from '#hub/server-records.ts'
import type { ServerStarter } from '#hub/server-starter.ts'
import type { ServerStopper } from '#hub/server-stopper.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'
import type { JobKey } from '#scheduler/job.ts'

import { serverBodySchema, serverModelSchema, serverPatchSchema, stopBodySchema } from './hub-schemas.ts'

export interface ServerRoutesOptions {
  users: Pick<Users, 'find'>
  models: ServerModels
  starter: ServerStarter
  stopper: ServerStopper
  editor: ServerEditor
  findServer(user: string, server: string): Promise<ServerRecord | undefined>
  /** Waits a little for a start: see `waitForStart`. */
  waitForStart(key: JobKey): Promise<'ready' | 'pending'>
  /** False: users have no named servers. */
  allowsNamedServers: boolean
}

/** The default server's path and the named ones'. */
const paths = ['/hub/api/users/:user/server', '/hub/api/users/:user/servers/:server'] as const

/** Servers: look, start, stop, create, change. */
export function createServerRoutes(options: ServerRoutesOptions): Route[] {
  return paths.flatMap((path) => [
    showRoute(options, path),
    createRoute(options, path),
    startRoute(options, path),
    updateRoute(options, path),
    stopRoute(options, path),
  ])
}

const common = { tag: 'servers', authentication: 'token-or-session', checkedBy: 'handler' } as const

function showRoute({ users, models }: ServerRoutesOptions, path: string): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path,
    summary: 'One server, running or not.',
    access: { anyOf: ['read:servers'], on: 'server' },
    schemas: { responses: { 200: serverModelSchema } },
    async handler({ principal, params }) {
      const owner = await getOwner(users, params)
      return getModel(models, principal, owner, params['server'] ?? '')
    },
  })
}

function createRoute({ users, models, editor }: ServerRoutesOptions, path: string): Route {
  return defineRoute({
    ...common,
    method: 'PUT',
    path,
    summary: 'Creates a named server without starting it.',
    access: { anyOf: ['start:servers'], on: 'server' },
    schemas: { body: serverBodySchema, responses: { 201: serverModelSchema } },
    async handler(request, reply) {
      const owner = await getOwner(users, request.params)
      const server = request.params['server'] ?? ''
      await editor.create(owner, server, parseServerBody(request.body), request.actor())
      reply.code(201)
      return getModel(models, request.principal, owner, server)
    },
  })
}

function startRoute({ users, starter, waitForStart }: ServerRoutesOptions, path: string): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path,
    summary:
      'Starts a server. 201: it is ready; 202: it is on its way, see its progress. With `Prefer: respond-async` the answer comes at once.',
    access: { anyOf: ['start:servers'], on: 'server' },
    schemas: { body: serverBodySchema, responses: { 201: Type.String(), 202: Type.String() } },
    async handler(request, reply) {
      const owner = await getOwner(users, request.params)
      const { job, isNew } = await starter.start({
        owner,
        server: request.params['server'] ?? '',
        actor: request.actor(),
        ...parseServerBody(request.body),
      })
      const waits = isNew && !prefersNoWait(request)
      const outcome = waits ? await waitForStart(job.key) : 'pending'
      return sendNothing(reply, outcome === 'ready' ? 201 : 202)
    },
  })
}

function updateRoute({ users, models, editor }: ServerRoutesOptions, path: string): Route {
  return defineRoute({
    ...common,
    method: 'PATCH',
    path,
    summary: 'Renames a server that does not run, or changes its options.',
    access: { anyOf: ['start:servers'], on: 'server' },
    schemas: { body: serverPatchSchema, responses: { 200: serverModelSchema } },
    async handler(request) {
      const owner = await getOwner(users, request.params)
      const patch = parseServerPatch(request.body)
      const { name } = await editor.update(owner, request.params['server'] ?? '', patch, request.actor())
      return getModel(models, request.principal, owner, name)
    },
  })
}

function stopRoute(options: ServerRoutesOptions, path: string): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path,
    summary:
      'Stops a server. 204: it has stopped; 202: it is stopping. With `Prefer: respond-async` the answer comes at once.',
    access: { anyOf: ['delete:servers'], on: 'server' },
    schemas: { body: stopBodySchema, responses: { 202: Type.String(), 204: null } },
    async handler(request, reply) {
      const owner = await getOwner(options.users, request.params)
      const name = request.params['server'] ?? ''
      const remove = parseRemove(request.body)
      const server = await findStoppable(options, owner, name, remove)
      const outcome =
        server === undefined
          ? 'stopped'
          : await options.stopper.stop(
              { server, remove, actor: request.actor() },
              { waits: !prefersNoWait(request) },
            )
      return sendNothing(reply, outcome === 'stopping' ? 202 : 204)
    },
  })
}

/** Throws in JupyterHub's words. Undefined: a default server that never ran. */
async function findStoppable(
  { findServer, allowsNamedServers }: ServerRoutesOptions,
  owner: User,
  name: string,
  remove: boolean,
): Promise<ServerRecord | undefined> {
  if (name === '') {
    if (remove) throw new PlatformError('bad_request', { message: 'Cannot delete the default server' })
    return findServer(owner.name, name)
  }
  if (!allowsNamedServers)
    throw new PlatformError('bad_request', { message: 'Named servers are not enabled.' })
  const server = await findServer(owner.name, name)
  if (server === undefined) {
    throw new PlatformError('not_found', { message: `${owner.name} has no server named '${name}'` })
  }
  return server
}

async function getOwner(
  users: Pick<Users, 'find'>,
  params: Readonly<Record<string, string | undefined>>,
): Promise<User> {
  const owner = await users.find(params['user'] ?? '')
  if (owner === undefined) throw new PlatformError('not_found')
  return owner
}

async function getModel(
  models: ServerModels,
  principal: Principal,
  owner: User,
  server: string,
): Promise<HubServerModel> {
  const model = await models.find(owner, server, {
    mayReadState: (name) => hasScope(principal, 'admin:server_state', name),
  })
  if (model === undefined) throw new PlatformError('not_found')
  return model
}

/** RFC 7240, section 4.1. */
function prefersNoWait({ raw }: Pick<RouteRequest, 'raw'>): boolean {
  const { prefer } = raw.headers
  return typeof prefer === 'string' && /(^|,)\s*respond-async\s*(,|;|$)/i.test(prefer)
}

/** JupyterHub answers starts and stops with an empty text, or nothing at all. */
function sendNothing(reply: RouteReply, status: 201 | 202 | 204): RouteReply {
  reply.code(status)
  return status === 204 ? reply.send() : reply.type('text/plain').send('')
}
