import {
  type ClusterDetail,
  clusterDetailSchema,
  clusterListSchema,
  clusterQuerySchema,
  clusterScaleSchema,
} from '@atrium/contract/clusters-api.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'
import { Type } from 'typebox'

import type { Cluster, ClusterState, Clusters } from '#dask/clusters.ts'
import { buildClusterViews } from '#http/cluster-view.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import { sendTextStream } from '#http/event-stream.ts'
import { findListedOwner } from '#http/listed-owner.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { UsagePrices } from '#scheduler/usage/usage-report.ts'
import type { Store } from '#store/store.ts'

export interface ClusterRoutesOptions {
  /** Undefined: this platform has no Dask clusters. */
  dask: { clusters: Clusters } | undefined
  users: Pick<Users, 'find'>
  jobs: Pick<Jobs, 'logs'>
  store: Pick<Store, 'db'>
  clock: Clock
  prices: UsagePrices | undefined
}

const common = { tag: 'clusters', authentication: 'token-or-session' } as const
const clusterPath = '/api/v1/clusters/:cluster'
const ofOwner = {
  open: 'Whose cluster it is, and so which scope is needed, is known after it was found: the handler checks.',
} as const
/** Older ones than these nobody looks for here. */
const shown = 500

/** Dask clusters for the portal and the command line. */
export function createClusterRoutes(options: ClusterRoutesOptions): Route[] {
  return [listRoute(options), showRoute(options), logRoute(options), scaleRoute(options), stopRoute(options)]
}

function listRoute(options: ClusterRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/clusters',
    summary: 'Dask clusters, newest first; who may not see those of all gets the own ones.',
    access: { anyOf: ['read:clusters'], on: 'listing' },
    schemas: { query: clusterQuerySchema, responses: { 200: clusterListSchema } },
    async handler({ principal, query }) {
      const currency = findCurrency(options)
      const filter = await findListedOwner(options.users, principal, {
        user: query.user,
        scope: 'read:clusters',
      })
      if (filter === undefined || options.dask === undefined) return { clusters: [], ...currency }
      const states = statesOf[query.state ?? 'active']
      const found = await options.dask.clusters.list({ ...filter, states, limit: shown })
      return { clusters: await buildViews(options, found), ...currency }
    },
  })
}

const statesOf: Readonly<Record<'active' | 'ended' | 'all', readonly ClusterState[]>> = {
  active: ['pending', 'running', 'stopping'],
  ended: ['stopped', 'failed'],
  all: ['pending', 'running', 'stopping', 'stopped', 'failed'],
}

function showRoute(options: ClusterRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: clusterPath,
    summary: 'One Dask cluster with its workers.',
    access: ofOwner,
    schemas: { responses: { 200: clusterDetailSchema } },
    async handler({ principal, params }) {
      const { cluster } = await getCluster(options, principal, params, 'read:clusters')
      return buildDetail(options, cluster)
    },
  })
}

const logQuerySchema = Type.Object({
  worker: Type.Optional(Type.String({ description: "A worker's name. Default: the scheduler." })),
  offset: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes to leave out at the beginning.' })),
  follow: Type.Optional(Type.Boolean({ description: 'Goes on until it has ended.' })),
})

function logRoute(options: ClusterRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: `${clusterPath}/log`,
    summary: 'What the scheduler of a cluster, or one of its workers, prints.',
    access: ofOwner,
    schemas: { query: logQuerySchema, responses: { 200: Type.String() } },
    async handler(request, reply) {
      const { principal, params, query, signal } = request
      const { cluster, clusters } = await getCluster(options, principal, params, 'read:clusters')
      const { offset = 0, follow = false, worker } = query
      const key = worker === undefined ? cluster.schedulerJob : await getWorkerJob(clusters, cluster, worker)
      const owner = { user: cluster.user }
      const listener = {
        isStillAllowed: () => request.isStillAllowed((now) => hasScope(now, 'read:clusters', owner)),
      }
      return sendTextStream(listener, reply, options.jobs.logs(key, { offset, follow, signal }))
    },
  })
}

async function getWorkerJob(clusters: Clusters, cluster: Cluster, name: string): Promise<string> {
  const found = (await clusters.workers(cluster.name)).find((worker) => worker.name === name)
  if (found === undefined) throw new PlatformError('not_found', { message: `No such worker: ${name}` })
  return found.job
}

function scaleRoute(options: ClusterRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: `${clusterPath}/scale`,
    summary: 'Wants so many workers, or as many as its work needs between two bounds.',
    access: ofOwner,
    schemas: {
      body: clusterScaleSchema,
      responses: {
        200: Type.Intersect([
          clusterDetailSchema,
          Type.Object({
            cut: Type.Optional(Type.String({ description: 'Why it is less than was asked for.' })),
          }),
        ]),
      },
    },
    async handler(request) {
      const { principal, params, body } = request
      const { cluster, clusters } = await getCluster(options, principal, params, 'clusters')
      const { message } =
        'workers' in body
          ? await clusters.scale(cluster.name, body.workers, request.actor())
          : await clusters.adapt(cluster.name, { ...checkBounds(body), active: true }, request.actor())
      const now = (await clusters.find(cluster.name)) ?? cluster
      return { ...(await buildDetail(options, now)), ...(message === undefined ? {} : { cut: message }) }
    },
  })
}

function checkBounds(bounds: { minimum: number; maximum: number }): { minimum: number; maximum: number } {
  if (bounds.minimum <= bounds.maximum) return bounds
  throw new PlatformError('bad_request', { message: 'minimum is more than maximum' })
}

function stopRoute(options: ClusterRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: clusterPath,
    summary: 'Stops a cluster. Repeatable.',
    access: ofOwner,
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const { principal } = request
      const { cluster, clusters } = await getCluster(options, principal, request.params, 'clusters')
      const isOwner = principal.kind === 'user' && principal.id === cluster.userId
      await clusters.stop(cluster.name, {
        actor: request.actor(),
        reason: 'requested',
        ...(isOwner ? {} : { message: `Stopped by ${principal.name}.` }),
      })
      return reply.code(204).send()
    },
  })
}

/** Throws `not_found` also for one whose owner the scope does not cover. */
async function getCluster(
  { dask }: ClusterRoutesOptions,
  principal: Principal,
  params: Readonly<Record<string, string>>,
  scope: Scope,
): Promise<{ cluster: Cluster; clusters: Clusters }> {
  const name = params['cluster'] ?? ''
  const cluster = await dask?.clusters.find(name)
  if (dask === undefined || cluster === undefined || !hasScope(principal, scope, { user: cluster.user })) {
    throw new PlatformError('not_found', { message: `No such cluster: ${name}` })
  }
  return { cluster, clusters: dask.clusters }
}

async function buildDetail(options: ClusterRoutesOptions, cluster: Cluster): Promise<ClusterDetail> {
  const [view] = await buildViews(options, [cluster])
  if (view === undefined) throw new PlatformError('not_found')
  const workerList = (await options.dask?.clusters.workers(cluster.name)) ?? []
  return { ...view, ...findCurrency(options), workerList: [...workerList] }
}

async function buildViews({ store, clock, prices }: ClusterRoutesOptions, clusters: readonly Cluster[]) {
  return [...(await buildClusterViews({ db: store.db, nowMs: clock.now(), prices }, clusters))]
}

function findCurrency({ prices }: ClusterRoutesOptions): { currency?: string } {
  return prices === undefined ? {} : { currency: prices.currency }
}
