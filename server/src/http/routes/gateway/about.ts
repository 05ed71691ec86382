import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { common, type GatewayContext, getDask, getOwner } from './gateway-context.ts'

/** Of the protocol that is spoken: what the client shows as the server's version. */
export const gatewayVersion = '2026.3.0'

/** What the protocol says of the gateway itself. */
export function createGatewayAboutRoutes(context: GatewayContext): Route[] {
  return [
    defineRoute({
      ...common,
      method: 'GET',
      path: '/gateway/api/health',
      summary: 'Whether there are Dask clusters here.',
      authentication: 'none',
      access: { open: 'It says nothing but that the gateway is there.' },
      schemas: { responses: { 200: Type.Object({ status: Type.String() }) } },
      handler() {
        getDask(context)
        return { status: 'pass' }
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/gateway/api/version',
      summary: "The version of Dask Gateway's protocol.",
      authentication: 'none',
      access: { open: 'A version of a public protocol.' },
      schemas: { responses: { 200: Type.Object({ version: Type.String() }) } },
      handler() {
        getDask(context)
        return { version: gatewayVersion }
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/gateway/api/v1/options',
      summary: 'What the caller may choose for a cluster.',
      authentication: 'token',
      access: { anyOf: ['clusters'], on: 'listing' },
      schemas: {
        responses: {
          200: Type.Object({
            cluster_options: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
              description: 'Each with field, label, default and spec: type, and min, max or options.',
            }),
          }),
        },
      },
      async handler({ principal }) {
        const { options } = getDask(context)
        return { cluster_options: await options.describe(await getOwner(context, principal, 'clusters')) }
      },
    }),
  ]
}
