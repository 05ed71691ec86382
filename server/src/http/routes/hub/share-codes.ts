import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import { buildHubPage, parseHubPage } from '#http/hub-page.ts'
import { parseShareCodeBody } from '#hub/share-body.ts'
import type { ShareCodeFilter } from '#hub/share-codes.ts'
import { parseShareCodeId } from '#hub/share-models.ts'
import { buildDefaultShareScopes, buildShareScopes } from '#hub/share-scopes.ts'

import { pageQuerySchema, pageSchema, shareCodeSchema } from './hub-schemas.ts'
import {
  checkMayGive,
  ensureSharedServer,
  getSharedServer,
  getUser,
  type ShareRoutesOptions,
} from './share-context.ts'

const common = { tag: 'shares', authentication: 'token-or-session', checkedBy: 'handler' } as const
const serverPath = '/hub/api/share-codes/:user/:server'

/** Codes that whoever has them can exchange for a share. */
export function createShareCodeRoutes(options: ShareRoutesOptions): Route[] {
  return [listOfOwner(options), listOfServer(options), create(options), remove(options)]
}

async function answerCodes(
  { codes, models }: ShareRoutesOptions,
  request: Pick<RouteRequest, 'raw' | 'origin'>,
  filter: ShareCodeFilter,
) {
  const page = parseHubPage(request)
  const { items, total } = await codes.list(filter, page)
  return buildHubPage(request, page, {
    items: await Promise.all(items.map((code) => models.ofCode(code))),
    total,
  })
}

function listOfOwner(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/share-codes/:user',
    summary: "Open share codes of all of a user's servers, without the codes themselves.",
    access: { anyOf: ['read:shares'], on: 'user' },
    schemas: { query: pageQuerySchema, responses: { 200: pageSchema(shareCodeSchema) } },
    async handler(request) {
      const owner = await getUser(options, request.params['user'] ?? '')
      return answerCodes(options, request, { ownerId: owner.id })
    },
  })
}

function listOfServer(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: serverPath,
    summary: 'Open share codes of a server, without the codes themselves.',
    access: { anyOf: ['read:shares'], on: 'server' },
    schemas: { query: pageQuerySchema, responses: { 200: pageSchema(shareCodeSchema) } },
    async handler(request) {
      const server = await getSharedServer(options, request.params)
      return answerCodes(options, request, { serverId: server.id })
    },
  })
}

function create(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: serverPath,
    summary: 'Makes a share code. The code is in this answer and in no other.',
    access: { anyOf: ['shares'], on: 'server' },
    schemas: {
      body: Type.Object({
        scopes: Type.Optional(Type.Array(Type.String(), { description: 'Default: opening the server.' })),
        expires_in: Type.Optional(
          Type.Integer({ description: 'Seconds, from a minute to a year. Default: a day.' }),
        ),
      }),
      responses: { 200: shareCodeSchema },
    },
    async handler(request) {
      const { principal, params } = request
      const body = parseShareCodeBody(request.body)
      const name = { user: params['user'] ?? '', server: params['server'] ?? '' }
      const scopes = buildShareScopes(body.scopes ?? buildDefaultShareScopes(name), name)
      checkMayGive(principal, scopes, { user: name.user, name: name.server })
      const server = await ensureSharedServer(options, params)
      const wish = { scopes, expiresInMs: body.expiresInMs }
      const { shareCode, code } = await options.codes.create(server, wish, request.actor())
      return options.models.ofCode(shareCode, code)
    },
  })
}

function remove(options: ShareRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: serverPath,
    summary:
      'Ends one share code, named by `code` or `id`, or all of a server. What was exchanged before stays shared.',
    access: { anyOf: ['shares'], on: 'server' },
    schemas: {
      query: Type.Object({ code: Type.Optional(Type.String()), id: Type.Optional(Type.String()) }),
      responses: { 204: null },
    },
    async handler(request, reply) {
      const server = await getSharedServer(options, request.params)
      const { code, id } = request.raw.query as Readonly<Record<string, string | undefined>>
      if (code) await removeOne(options, request, server, { code }, 'No matching code found')
      else if (id) {
        const missing = `No code found matching id=${id}`
        await removeOne(options, request, server, { id: parseShareCodeId(id) ?? -1 }, missing)
      } else await options.codes.remove(server, 'all', request.actor())
      return reply.code(204).send()
    },
  })
}

async function removeOne(
  { codes }: ShareRoutesOptions,
  request: Pick<RouteRequest, 'actor'>,
  server: { id: number },
  which: { code: string } | { id: number },
  missing: string,
): Promise<void> {
  const removed = await codes.remove(server, which, request.actor())
  if (removed === 0) throw new PlatformError('not_found', { message: missing })
}
