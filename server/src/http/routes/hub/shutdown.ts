import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { isObject } from '#http/hub-bodies.ts'
import type { Actor } from '#observe/audit.ts'
import { toPythonText } from '#platform/python-text.ts'

/** What else ends with the control plane. */
export interface ShutdownRequest {
  /** Users' servers; undefined: as configured. */
  readonly servers: boolean | undefined
  /** The edge; undefined: as configured. */
  readonly proxy: boolean | undefined
}

export interface ShutdownRoutesOptions {
  /** Begins the end, once the answer is sent. */
  shutDown(request: ShutdownRequest, actor: Actor): void
}

/** The end of the control plane, by API. */
export function createShutdownRoutes({ shutDown }: ShutdownRoutesOptions): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/hub/api/shutdown',
      summary: 'Stops the control plane.',
      tag: 'hub',
      authentication: 'token-or-session',
      access: { anyOf: ['shutdown'], on: 'platform' },
      checkedBy: 'handler',
      schemas: {
        body: Type.Object({ servers: Type.Optional(Type.Boolean()), proxy: Type.Optional(Type.Boolean()) }),
        responses: { 202: Type.Object({ message: Type.String() }) },
      },
      handler(request, reply) {
        const body = isObject(request.body) ? request.body : {}
        const wanted = { proxy: parseFlag(body, 'proxy'), servers: parseFlag(body, 'servers') }
        reply.raw.once('finish', () => shutDown(wanted, request.actor()))
        reply.code(202)
        return { message: 'Shutting down Hub' }
      },
    }),
  ]
}

function parseFlag(body: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
  const value = body[name]
  if (value === undefined || typeof value === 'boolean') return value
  throw new PlatformError('bad_request', {
    message: `${name} must be true or false, got ${toPythonText(value)}`,
  })
}
