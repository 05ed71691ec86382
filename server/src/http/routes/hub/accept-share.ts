import { PlatformError } from '@atrium/contract/errors.ts'
import type { OfferedShare } from '@atrium/contract/portal-page.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { parseNextUrl } from '#http/next-url.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'
import { buildServerPath } from '#hub/server-paths.ts'
import type { ShareCode, ShareCodes } from '#hub/share-codes.ts'
import { describeScope } from '#identity/describe-scope.ts'
import { findNext, readQuery } from './server-page-context.ts'

export interface AcceptShareOptions {
  pages: PortalPages
  codes: Pick<ShareCodes, 'find' | 'exchange'>
}

const path = '/hub/accept-share'
const access = { open: 'The code is what lets in.' }

/** Share codes opened as links. */
export function createAcceptShareRoutes(options: AcceptShareOptions): Route[] {
  return [showRoute(options), acceptRoute(options)]
}

function showRoute({ pages, codes }: AcceptShareOptions): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'The page that shows what a share code offers.',
    tag: 'pages',
    authentication: 'session',
    access,
    answers: 'page',
    schemas: { responses: { 200: Type.String() } },
    async handler(request, reply) {
      const offer = await codes.find(readCode(readQuery(request)))
      if (offer === undefined) throw new PlatformError('not_found', { message: 'Share not found or expired' })
      if (offer.ownerId === request.principal.id) {
        throw new PlatformError('forbidden', { message: "You can't share with yourself!" })
      }
      return pages.render(request, reply, { kind: 'accept-share', share: describeOffer(offer) })
    },
  })
}

function acceptRoute({ codes }: AcceptShareOptions): Route {
  return defineRoute({
    method: 'POST',
    path,
    summary: 'Accepts what a share code offers and leads to the server.',
    tag: 'pages',
    authentication: 'session',
    access,
    answers: 'page',
    accepts: 'form',
    checkedBy: 'handler',
    schemas: {
      body: Type.Object({ code: Type.Optional(Type.String()), next: Type.Optional(Type.String()) }),
      responses: { 302: null },
    },
    async handler(request, reply) {
      const { code: field, next } = (request.body ?? {}) as Record<string, unknown>
      const code = typeof field === 'string' ? field : readCode(readQuery(request))
      const offer = await codes.find(code)
      if (offer === undefined) throw new PlatformError('bad_request', { message: 'Invalid share code' })
      const { id, name } = request.principal
      await codes.exchange(code, { id, name }, request.actor())
      const { user, server } = offer.server
      const wanted = parseNextUrl(next, { publicOrigin: request.origin }) ?? findNext(request)
      return reply.redirect(wanted ?? buildServerPath(user, server))
    },
  })
}

function readCode(query: URLSearchParams): string {
  const code = query.get('code')
  if (!code) throw new PlatformError('bad_request', { message: 'Missing argument code' })
  return code
}

function describeOffer({ server, scopes, expiresAtMs }: ShareCode): OfferedShare {
  return {
    owner: server.user,
    server: server.server,
    scopes: scopes.map(describeScope),
    ...(expiresAtMs === null ? {} : { expiresAtMs }),
  }
}
