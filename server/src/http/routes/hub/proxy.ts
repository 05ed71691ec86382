import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { buildHubPage, parseHubPage } from '#http/hub-page.ts'
import type { EdgePublisher } from '#hub/edge-publisher.ts'

import { pageQuerySchema } from './hub-schemas.ts'

export interface ProxyRoutesOptions {
  publisher: Pick<EdgePublisher, 'listRoutes' | 'resync'>
  /** Where the control plane listens, as the edge sees it. */
  controlPlaneUrl: string
}

const common = {
  path: '/hub/api/proxy',
  tag: 'proxy',
  authentication: 'token-or-session',
  access: { anyOf: ['proxy'], on: 'platform' },
  checkedBy: 'handler',
} as const

/** The proxy's routes, and a way to have them told anew. */
export function createProxyRoutes(options: ProxyRoutesOptions): Route[] {
  return [listRoute(options), syncRoute(options), replaceRoute(options)]
}

function listRoute({ publisher, controlPlaneUrl }: ProxyRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    summary: 'Every route of the edge, by its path.',
    schemas: { query: pageQuerySchema, responses: { 200: Type.Record(Type.String(), Type.Unknown()) } },
    async handler(request) {
      const page = parseHubPage(request)
      const routes = [...(await publisher.listRoutes()).values()].map(({ prefix, target = '', data }) => ({
        routespec: prefix,
        target,
        data,
      }))
      const all = [{ routespec: '/', target: controlPlaneUrl, data: { hub: true } }, ...routes]
      const ordered = all.toSorted((a, b) => (a.routespec < b.routespec ? -1 : 1))
      const items = ordered.slice(page.offset, page.offset + page.limit)
      const shown = Object.fromEntries(items.map((route) => [route.routespec, route]))
      if (!page.acceptsPages) return shown
      return { ...buildHubPage(request, page, { items, total: all.length }), items: shown }
    },
  })
}

function syncRoute({ publisher }: ProxyRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    summary: 'Tells the edge every route anew.',
    schemas: { responses: { 200: Type.String() } },
    async handler(_request, reply) {
      await publisher.resync()
      return reply.type('application/json').send('')
    },
  })
}

/** The edge is found by its socket, so a new address says nothing to us; what is behind it is told anew all the same. */
function replaceRoute({ publisher }: ProxyRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'PATCH',
    summary: 'Says that another proxy is in charge: it is told every route.',
    schemas: {
      body: Type.Object({ api_url: Type.Optional(Type.String()), auth_token: Type.Optional(Type.String()) }),
      responses: { 200: Type.String() },
    },
    async handler({ body }, reply) {
      if (body === undefined) throw new PlatformError('bad_request', { message: 'need JSON body' })
      if (typeof body !== 'object' || body === null || Array.isArray(body)) {
        throw new PlatformError('bad_request', { message: 'Request body must be JSON dict' })
      }
      await publisher.resync()
      return reply.type('application/json').send('')
    },
  })
}
