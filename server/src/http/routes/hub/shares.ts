import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import { buildHubPage, parseHubPage } from '#http/hub-page.ts'
import { parseShareBody, type ShareBody } from '#hub/share-body.ts'
import type { ShareFilter } from '#hub/share-records.ts'
import { buildDefaultShareScopes, buildShareScopes } from '#hub/share-scopes.ts'

import { pageQuerySchema, pageSchema, shareSchema } from './hub-schemas.ts'
import {
  checkMayGive,
  checkMayName,
  ensureSharedServer,
  findHolder,
  getSharedServer,
  getUser,
  type ShareRoutesOptions,
} from './share-context.ts'

const common = { tag: 'shares', authentication: 'token-or-session', checkedBy: 'handler' } as const
const serverPath = '/hub/api/shares/:user/:server'

const bodySchema = Type.Object({
  user: Type.Optional(Type.String()),
  group: Type.Optional(Type.String()),
  scopes: Type.Optional(Type.Array(Type.String(), { description: 'Default: opening the server.' })),
})

/** Who a user's servers are shared with: reading, granting, revoking. */
export function createShareRoutes(options: ShareRoutesOptions): Route[] {
  return [listOfOwner(options), listOfServer(options), grant(options), revoke(options), revokeAll(options)]
}

/** A page of shares, as JupyterHub answers whether or not the client asked for pages. */
export async function answerShares(
  { shares, models }: ShareRoutesOptions,
  request: Pick<RouteRequest, 'raw' | 'origin'>,
  filter: ShareFilter,
) {
  const page = parseHubPage(request)
  const { items, total } = await shares.list(filter, page)
  return buildHubPage(request, page, {
    items: await Promise.all(items.map((share) => models.ofShare(share))),
    total,
  })
}

function listOfOwner(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/shares/:user',
    summary: "Shares of all of a user's servers.",
    access: { anyOf: ['read:shares'], on: 'user' },
    schemas: { query: pageQuerySchema, responses: { 200: pageSchema(shareSchema) } },
    async handler(request) {
      const owner = await getUser(options, request.params['user'] ?? '')
      return answerShares(options, request, { ownerId: owner.id })
    },
  })
}

function listOfServer(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: serverPath,
    summary: 'Shares of a server.',
    access: { anyOf: ['read:shares'], on: 'server' },
    schemas: { query: pageQuerySchema, responses: { 200: pageSchema(shareSchema) } },
    async handler(request) {
      const server = await getSharedServer(options, request.params)
      return answerShares(options, request, { serverId: server.id })
    },
  })
}

function grant(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: serverPath,
    summary: 'Shares a server with a user or a group, or extends what they may do.',
    access: { anyOf: ['shares'], on: 'server' },
    schemas: { body: bodySchema, responses: { 200: shareSchema } },
    async handler(request) {
      const { principal, params } = request
      const body = parseShareBody(request.body)
      const name = { user: params['user'] ?? '', server: params['server'] ?? '' }
      const scopes = buildShareScopes(body.scopes ?? buildDefaultShareScopes(name), name)
      const found = await getSharedServer(options, params)
      checkMayGive(principal, scopes, found)
      checkMayName(principal, body)
      const holder = await findHolder(options, body)
      if (holder === undefined) throw new PlatformError('bad_request', { message: describeMissing(body) })
      const server = await ensureSharedServer(options, params)
      return options.models.ofShare(await options.shares.grant(server, holder, scopes, request.actor()))
    },
  })
}

function revoke(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'PATCH',
    path: serverPath,
    summary:
      'Takes permissions back, all of them without `scopes`. The answer is empty when nothing is left.',
    access: { anyOf: ['shares'], on: 'server' },
    schemas: { body: bodySchema, responses: { 200: Type.Union([shareSchema, Type.Object({})]) } },
    async handler(request) {
      const body = parseShareBody(request.body)
      const server = await getSharedServer(options, request.params)
      const holder = await findHolder(options, body)
      // Nobody of that name has anything left, which is what was asked for.
      if (holder === undefined) return {}
      const share = await options.shares.revoke(server, holder, body.scopes, request.actor())
      return share === undefined ? {} : options.models.ofShare(share)
    },
  })
}

function revokeAll(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: serverPath,
    summary: 'Takes back every share of a server.',
    access: { anyOf: ['shares'], on: 'server' },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      await options.shares.revokeAll(await getSharedServer(options, request.params), request.actor())
      return reply.code(204).send()
    },
  })
}

function describeMissing({ user, group }: ShareBody): string {
  return user ? `No such user: ${user}` : `No such group: ${group}`
}
