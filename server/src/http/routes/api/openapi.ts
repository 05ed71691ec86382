import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { buildOpenApi } from '#http/openapi.ts'

export interface OpenApiRoutesOptions {
  /** All routes, this one included. */
  listRoutes(): readonly Route[]
  readonly version: string
}

/** The document of the whole API. */
export function createOpenApiRoutes({ listRoutes, version }: OpenApiRoutesOptions): Route[] {
  let text: string | undefined
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/openapi.json',
      summary: 'This document.',
      tag: 'platform',
      authentication: 'none',
      access: { open: 'it says nothing of the platform that the program does not say of itself' },
      schemas: { responses: { 200: Type.Record(Type.String(), Type.Unknown()) } },
      handler(_request, reply) {
        text ??= JSON.stringify(buildOpenApi(listRoutes(), { version }))
        return reply.type('application/json').send(text)
      },
    }),
  ]
}
