import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'

import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import type { Share, ShareHolder } from '#hub/share-records.ts'

import { pageQuerySchema, pageSchema, shareSchema } from './hub-schemas.ts'
import { getGroup, getUser, type ShareRoutesOptions } from './share-context.ts'
import { answerShares } from './shares.ts'

const common = { tag: 'shares', authentication: 'token-or-session', checkedBy: 'handler' } as const

/** The two kinds of holders, by what differs. */
const holders = {
  user: { path: '/hub/api/users/:user/shared', read: 'read:users:shares', change: 'users:shares' },
  group: { path: '/hub/api/groups/:group/shared', read: 'read:groups:shares', change: 'groups:shares' },
} as const satisfies Record<ShareHolder['kind'], { path: string; read: Scope; change: Scope }>

/** What others share with a user or a group: reading it, and giving it up. */
export function createSharedWithRoutes(options: ShareRoutesOptions): Route[] {
  return (['user', 'group'] as const).flatMap((kind) => [
    listRoute(options, kind),
    showRoute(options, kind),
    leaveRoute(options, kind),
  ])
}

function listRoute(options: ShareRoutesOptions, kind: ShareHolder['kind']): Route {
  const { path, read } = holders[kind]
  return defineRoute({
    ...common,
    method: 'GET',
    path,
    summary: `What is shared with a ${kind}.`,
    access: { anyOf: [read], on: kind },
    schemas: { query: pageQuerySchema, responses: { 200: pageSchema(shareSchema) } },
    async handler(request) {
      const { id } = await getHolder(options, kind, request)
      return answerShares(options, request, kind === 'user' ? { userId: id } : { groupId: id })
    },
  })
}

function showRoute(options: ShareRoutesOptions, kind: ShareHolder['kind']): Route {
  const { path, read } = holders[kind]
  return defineRoute({
    ...common,
    method: 'GET',
    path: `${path}/:owner/:server`,
    summary: `A server's share with a ${kind}.`,
    access: { anyOf: [read], on: kind },
    schemas: { responses: { 200: shareSchema } },
    async handler(request) {
      const { share } = await getShare(options, kind, request)
      return options.models.ofShare(share)
    },
  })
}

function leaveRoute(options: ShareRoutesOptions, kind: ShareHolder['kind']): Route {
  const { path, change } = holders[kind]
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: `${path}/:owner/:server`,
    summary: `Gives up what is shared with a ${kind}.`,
    access: { anyOf: [change], on: kind },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const { share, holder } = await getShare(options, kind, request)
      await options.shares.revoke({ id: share.serverId }, holder, undefined, request.actor())
      return reply.code(204).send()
    },
  })
}

async function getHolder(
  options: ShareRoutesOptions,
  kind: ShareHolder['kind'],
  { params }: Pick<RouteRequest, 'params'>,
): Promise<ShareHolder> {
  const name = (params as Readonly<Record<string, string | undefined>>)[kind] ?? ''
  const { id } = await (kind === 'user' ? getUser(options, name) : getGroup(options, name))
  return { kind, id, name }
}

/** Whatever part of it is missing, the answer is the same. */
async function getShare(
  options: ShareRoutesOptions,
  kind: ShareHolder['kind'],
  request: Pick<RouteRequest, 'params'>,
): Promise<{ share: Share; holder: ShareHolder }> {
  const params = request.params as Readonly<Record<string, string | undefined>>
  const { owner = '', server: name = '' } = params
  if (kind === 'group') await getGroup(options, params['group'] ?? '')
  const holder = await getHolder(options, kind, request).catch(() => undefined)
  const server = await options.findServer(owner, name)
  const share =
    holder === undefined || server === undefined ? undefined : await options.shares.find(server.id, holder)
  if (holder === undefined || share === undefined) {
    throw new PlatformError('not_found', {
      message: `No such share for ${kind} ${params[kind]} on ${owner}/${name}`,
    })
  }
  return { share, holder }
}
