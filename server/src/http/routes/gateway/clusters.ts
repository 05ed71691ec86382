import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import type { ClusterState } from '#dask/clusters.ts'
import { findGatewaySecret } from '#http/dask-gateway-protocol.ts'
import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import { isObject } from '#http/hub-bodies.ts'
import { toPythonText } from '#platform/python-text.ts'
import { buildClusterReport, clusterReportSchema, findClusterState } from './cluster-report.ts'
import {
  common,
  type GatewayContext,
  getDask,
  getOwner,
  missing,
  ofOwner,
  requireCluster,
} from './gateway-context.ts'

/** The client asks again after it; the reference waits as long. */
const waitMs = 20_000

/** The protocol's clusters: listed, made, shown, stopped. */
export function createGatewayClusterRoutes(context: GatewayContext): Route[] {
  return [listRoute(context), createRoute(context), showRoute(context), stopRoute(context)]
}

function listRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/gateway/api/v1/clusters/',
    summary: "The caller's own clusters by name; without `status` those that start or run.",
    authentication: 'token',
    access: { anyOf: ['read:clusters'], on: 'listing' },
    schemas: {
      query: Type.Object({
        status: Type.Optional(Type.String({ description: 'Some, with commas between.' })),
      }),
      responses: { 200: Type.Record(Type.String(), clusterReportSchema) },
    },
    async handler({ principal, query }) {
      const { clusters } = getDask(context)
      const owner = await getOwner(context, principal, 'read:clusters')
      const found = await clusters.list({ userId: owner.id, states: parseStates(query.status) })
      const reports = await Promise.all(found.map((one) => buildClusterReport(clusters, one, principal)))
      return Object.fromEntries(found.map(({ name }, at) => [name, reports[at]]))
    },
  })
}

function parseStates(status: unknown): readonly ClusterState[] {
  if (status === undefined) return ['pending', 'running']
  const names = [status].flat().flatMap((text) => String(text).split(','))
  return names.map((name) => {
    const state = findClusterState(name)
    if (state !== undefined) return state
    throw new PlatformError('unprocessable', {
      message: `${toPythonText(name.slice(0, 100))} is not a valid ClusterStatus`,
    })
  })
}

function createRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/gateway/api/v1/clusters/',
    summary: 'Makes a cluster of the caller, which starts by itself.',
    authentication: 'token',
    access: { anyOf: ['clusters'], on: 'listing' },
    schemas: {
      body: Type.Object({ cluster_options: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
      responses: { 201: Type.Object({ name: Type.String() }) },
    },
    async handler(request, reply) {
      const { clusters, options } = getDask(context)
      const { principal, body } = request
      const owner = await getOwner(context, principal, 'clusters')
      const { credential } = principal
      const serverId = credential.kind === 'token' ? credential.serverId : null
      const parsed = await options.parse(owner, readOptions(body), { serverId })
      const name = await clusters.create({ owner, actor: request.actor(), ...parsed, serverId })
      return reply.code(201).send({ name })
    },
  })
}

/** As the reference, which takes whatever Python holds for nothing. */
function readOptions(body: unknown): unknown {
  if (!isObject(body)) throw new PlatformError('unprocessable', { message: 'The body must be a JSON object' })
  return body['cluster_options'] || {}
}

function showRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/gateway/api/v1/clusters/:cluster',
    summary: 'One cluster; with `wait` as soon as it runs or has failed, or after some seconds as it is.',
    authentication: 'token',
    access: ofOwner,
    schemas: {
      query: Type.Object({ wait: Type.Optional(Type.String({ description: 'Empty, or a number but 0.' })) }),
      responses: { 200: clusterReportSchema },
    },
    async handler({ principal, params, query, signal, closing }) {
      const { clusters } = getDask(context)
      const name = params['cluster'] ?? ''
      const cluster = await clusters.find(name)
      if (cluster === undefined) throw missing(name)
      requireCluster(cluster, principal, 'read:clusters', 'view')
      if (cluster.state !== 'pending' || !isFlag(query.wait)) {
        return buildClusterReport(clusters, cluster, principal)
      }
      const started = await clusters.waitForStart(name, {
        atMostMs: waitMs,
        signal: AbortSignal.any([signal, closing]),
      })
      if (started === undefined) throw missing(name)
      return buildClusterReport(clusters, started, principal)
    },
  })
}

/** `?wait` and `?wait=1`; not `?wait=0`, nor what is no number. */
function isFlag(value: unknown): boolean {
  if (typeof value !== 'string') return false
  return value === '' || (/^\s*[+-]?\d+\s*$/.test(value) && Number(value) !== 0)
}

/** Why a scheduler says that its cluster is to end. */
const ownReasons: Readonly<Record<string, string>> = {
  idle: 'It had no work for as long as it may.',
  no_clients: 'No client was left for as long as it may outlive them.',
}

function stopRoute(context: GatewayContext): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/gateway/api/v1/clusters/:cluster',
    summary: 'Stops a cluster: by its owner, or by its own scheduler with its own token. Repeatable.',
    authentication: 'optional-token',
    access: ofOwner,
    schemas: {
      query: Type.Object({
        reason: Type.Optional(Type.String({ description: 'By its scheduler: idle, no_clients.' })),
      }),
      responses: { 204: null },
    },
    async handler(request, reply) {
      const { clusters } = getDask(context)
      const { principal } = request
      const name = request.params['cluster'] ?? ''
      if (principal === undefined) await stopByScheduler(context, request, name)
      else {
        const cluster = await clusters.find(name)
        if (cluster !== undefined) {
          requireCluster(cluster, principal, 'clusters', 'stop')
          await clusters.stop(name, { actor: request.actor(), reason: 'requested' })
        }
      }
      return reply.code(204).send()
    },
  })
}

/** dask_gateway's own preload ends its cluster for being idle and says nothing. Throws `unauthenticated`. */
async function stopByScheduler(
  context: GatewayContext,
  request: Pick<RouteRequest, 'query' | 'remote' | 'raw'>,
  name: string,
) {
  const { clusters } = getDask(context)
  await requireClusterToken(clusters, request, name)
  const { reason: asked } = request.query as Readonly<Record<string, unknown>>
  const reason = typeof asked === 'string' && Object.hasOwn(ownReasons, asked) ? asked : 'idle'
  const message = ownReasons[reason]
  await clusters.stop(name, {
    actor: { name: `cluster:${name}`, remote: request.remote },
    reason,
    ...(message === undefined ? {} : { message }),
  })
}

/** Throws `unauthenticated` unless the request brings the cluster's own token. */
export async function requireClusterToken(
  clusters: { verifyToken(name: string, token: string): Promise<boolean> },
  { raw }: Pick<RouteRequest, 'raw'>,
  name: string,
): Promise<void> {
  const secret = findGatewaySecret(raw)
  if (secret === undefined || !(await clusters.verifyToken(name, secret))) {
    throw new PlatformError('unauthenticated')
  }
}
