import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import type { AdaptBounds, HeartbeatReport, Scaling } from '#dask/clusters.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import { isObject } from '#http/hub-bodies.ts'
import type { Principal } from '#identity/principal.ts'
import { toPythonText } from '#platform/python-text.ts'
import { requireClusterToken } from './clusters.ts'
import { common, type GatewayContext, getDask, missing, ofOwner, requireCluster } from './gateway-context.ts'

const scalingSchema = Type.Object({
  ok: Type.Boolean(),
  msg: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Why it is less than was asked for.',
  }),
})
/** A scheduler names every worker that it ever had. */
const heartbeatLimitBytes = 4 * 1024 * 1024
const longestWorkerName = 256

/** How many workers a cluster has: what people want, and what its scheduler says. */
export function createGatewayScalingRoutes(context: GatewayContext): Route[] {
  return [scaleRoute(context), adaptRoute(context), heartbeatRoute(context)]
}

function scaleRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/gateway/api/v1/clusters/:cluster/scale',
    summary: 'Wants so many workers, and ends adapting.',
    authentication: 'token',
    access: ofOwner,
    schemas: {
      body: Type.Object({ count: Type.Integer({ minimum: 0 }) }),
      responses: { 200: scalingSchema },
    },
    async handler(request) {
      const { clusters } = getDask(context)
      const name = await findScalable(context, request.principal, request.params)
      const count = parseCount(request.body)
      return buildAnswer(await clusters.scale(name, count, request.actor()))
    },
  })
}

function adaptRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/gateway/api/v1/clusters/:cluster/adapt',
    summary: 'Lets the scheduler say how many workers it needs, between bounds; or ends that.',
    authentication: 'token',
    access: ofOwner,
    schemas: {
      body: Type.Object({
        minimum: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'] })),
        maximum: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'] })),
        active: Type.Optional(Type.Boolean({ default: true })),
      }),
      responses: { 200: scalingSchema },
    },
    async handler(request) {
      const { clusters } = getDask(context)
      const name = await findScalable(context, request.principal, request.params)
      const bounds = parseBounds(request.body)
      return buildAnswer(await clusters.adapt(name, bounds, request.actor()))
    },
  })
}

function heartbeatRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/gateway/api/v1/clusters/:cluster/heartbeat',
    summary: "For clusters' schedulers: which workers are there, and how many are wanted.",
    authentication: 'none',
    access: { open: "The cluster's own token proves that its scheduler speaks: the handler checks it." },
    bodyLimitBytes: heartbeatLimitBytes,
    schemas: {
      body: Type.Object({
        count: Type.Integer({ minimum: 0 }),
        active_workers: Type.Array(Type.String()),
        closing_workers: Type.Array(Type.String()),
        closed_workers: Type.Array(Type.String()),
      }),
      responses: { 200: Type.String() },
    },
    async handler(request, reply) {
      const { clusters } = getDask(context)
      const name = request.params['cluster'] ?? ''
      await requireClusterToken(clusters, request, name)
      await clusters.heartbeat(name, parseHeartbeat(request.body))
      return reply.send('')
    },
  })
}

/** The cluster's name. Throws what the reference answers for one that is not there, or not the caller's. */
async function findScalable(
  context: GatewayContext,
  principal: Principal,
  params: Readonly<Record<string, string>>,
): Promise<string> {
  const name = params['cluster'] ?? ''
  const cluster = await getDask(context).clusters.find(name)
  if (cluster === undefined) throw missing(name)
  requireCluster(cluster, principal, 'clusters', 'view')
  return cluster.name
}

function buildAnswer({ message }: Scaling): { ok: boolean; msg: string | null } {
  return { ok: message === undefined, msg: message ?? null }
}

/** Unlike in the reference, `true` is no number. */
function parseCount(body: unknown): number {
  const { count } = readObject(body)
  if (isCount(count)) return count
  throw refuse(`Scale expects a non-negative integer, got ${shorten(count)}`)
}

/** The reference hands on what it gets, and the scheduler's adapting fails for ever. */
function parseBounds(body: unknown): AdaptBounds {
  const { minimum = null, maximum = null, active = true } = readObject(body)
  if (typeof active !== 'boolean') throw refuse(`Adapt expects active to be a bool, got ${shorten(active)}`)
  const bounds = { minimum: parseBound('minimum', minimum), maximum: parseBound('maximum', maximum), active }
  if (bounds.minimum !== null && bounds.maximum !== null && bounds.minimum > bounds.maximum) {
    throw refuse(`Adapt expects minimum to be at most maximum, got ${bounds.minimum} and ${bounds.maximum}`)
  }
  return bounds
}

function parseBound(name: string, value: unknown): number | null {
  if (value === null || isCount(value)) return value
  throw refuse(`Adapt expects ${name} to be a non-negative integer or None, got ${shorten(value)}`)
}

function parseHeartbeat(body: unknown): HeartbeatReport {
  const fields = readObject(body)
  const { count } = fields
  if (!isCount(count)) throw refuse(`count must be a non-negative integer, got ${shorten(count)}`)
  return {
    count,
    activeWorkers: parseNames(fields, 'active_workers'),
    closingWorkers: parseNames(fields, 'closing_workers'),
    closedWorkers: parseNames(fields, 'closed_workers'),
  }
}

/** Workers that came by themselves may be called anything, even a number: they are none of ours, and left out. */
function parseNames(fields: Readonly<Record<string, unknown>>, key: string): readonly string[] {
  const list = fields[key]
  if (!Array.isArray(list)) throw refuse(`${key} must be a list`)
  return list.filter((name): name is string => typeof name === 'string' && name.length <= longestWorkerName)
}

function readObject(body: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(body)) throw refuse('The body must be a JSON object')
  return body
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** As Python's `str` writes it: a text without quotes. */
function shorten(value: unknown): string {
  return (typeof value === 'string' ? value : toPythonText(value)).slice(0, 200)
}

function refuse(message: string): PlatformError {
  return new PlatformError('unprocessable', { message })
}
