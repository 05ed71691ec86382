import { PlatformError } from '@atrium/contract/errors.ts'
import { keepRunningRequestSchema, serverDetailsSchema } from '@atrium/contract/servers-api.ts'
import { Type } from 'typebox'

import { readServerName } from '#http/authorize-request.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import { acceptsEvents, readLastEventId, sendEventStream, sendTextStream } from '#http/event-stream.ts'
import type { KeepRunning } from '#hub/keep-running.ts'
import { followLog } from '#hub/server-log.ts'
import type { ServerRecord } from '#hub/server-records.ts'
import type { ServerView } from '#hub/server-view.ts'
import type { User, Users } from '#identity/users.ts'
import type { Jobs } from '#scheduler/jobs.ts'

export interface AtriumServerRoutesOptions {
  users: Pick<Users, 'find'>
  view: ServerView
  jobs: Pick<Jobs, 'logs'>
  keepRunning: KeepRunning
  findServer(user: string, server: string): Promise<ServerRecord | undefined>
}

const common = { tag: 'servers', authentication: 'token-or-session' } as const
/** `-` stands for the default server. */
const serverPath = '/api/v1/servers/:user/:server'

/** What JupyterHub's protocol does not tell of servers. */
export function createAtriumServerRoutes(options: AtriumServerRoutesOptions): Route[] {
  return [listRoute(options), showRoute(options), logRoute(options), keepRoute(options)]
}

function listRoute({ users, view }: AtriumServerRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/servers/:user',
    summary: "A user's servers with everything known of them, the default one first.",
    access: { anyOf: ['read:servers'], on: 'user' },
    schemas: { responses: { 200: Type.Array(serverDetailsSchema) } },
    handler: async ({ params }) => view.list(await getOwner(users, params)),
  })
}

function showRoute({ users, view }: AtriumServerRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: serverPath,
    summary: 'Everything known of a server: why it waits or failed, its use, and why it is still running.',
    access: { anyOf: ['read:servers'], on: 'server' },
    schemas: { responses: { 200: serverDetailsSchema } },
    async handler({ params }) {
      const details = await view.find(await getOwner(users, params), readServerName(params['server']))
      if (details === undefined) throw new PlatformError('not_found')
      return details
    },
  })
}

function logRoute({ jobs, findServer }: AtriumServerRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: `${serverPath}/log`,
    summary:
      'Output of the last start, from a byte on: as text, or as server-sent events that can be resumed by `Last-Event-ID` for who accepts those.',
    access: { anyOf: ['access:servers', 'servers'], on: 'server' },
    schemas: {
      query: Type.Object({
        offset: Type.Integer({ minimum: 0, default: 0, description: 'First byte.' }),
        follow: Type.Boolean({
          default: false,
          description: 'Until the server ends, also if it has yet to start.',
        }),
      }),
      responses: { 200: Type.String() },
    },
    async handler(request, reply) {
      const { params, query, signal } = request
      const server = await findServer(params['user'] ?? '', readServerName(params['server']))
      if (server === undefined) throw new PlatformError('not_found')
      const { follow } = query
      const offset = readLastEventId(request) ?? query.offset
      const output = server.jobKey === null ? nothing() : jobs.logs(server.jobKey, { offset, follow, signal })
      return acceptsEvents(request)
        ? sendEventStream(request, reply, followLog(output, offset))
        : sendTextStream(request, reply, output)
    },
  })
}

function keepRoute({ users, view, keepRunning, findServer }: AtriumServerRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: `${serverPath}/keep-running`,
    summary: 'Keeps a server running that is not used, and takes the warning of its stop back.',
    access: { anyOf: ['start:servers'], on: 'server' },
    schemas: { body: keepRunningRequestSchema, responses: { 200: serverDetailsSchema } },
    async handler(request) {
      const owner = await getOwner(users, request.params)
      const name = readServerName(request.params['server'])
      const server = await findServer(owner.name, name)
      if (server === undefined) throw new PlatformError('not_found')
      await keepRunning(server, request.body, request.actor())
      const details = await view.find(owner, name)
      if (details === undefined) throw new PlatformError('gone')
      return details
    },
  })
}

async function getOwner(
  users: Pick<Users, 'find'>,
  params: Readonly<Record<string, string | undefined>>,
): Promise<User> {
  const owner = await users.find(params['user'] ?? '')
  if (owner === undefined) throw new PlatformError('not_found')
  return owner
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
