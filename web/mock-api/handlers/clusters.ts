import {
  type ClusterDetail,
  type ClusterList,
  type ClusterView,
  type ClusterWorker,
  canCluster,
} from '@atrium/contract/clusters-api.ts'

import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'
import { streamText } from './servers.ts'

/** Dask clusters. They do at once what real ones take seconds for. */
export const clusterRoutes: MockRoutes = {
  'GET /api/v1/clusters': listClusters,
  'GET /api/v1/clusters/:cluster': findCluster,
  'GET /api/v1/clusters/:cluster/log': streamLog,
  'DELETE /api/v1/clusters/:cluster': stopCluster,
  'POST /api/v1/clusters/:cluster/scale': scaleCluster,
}

function listClusters({ state, url, user }: MockRequest): ClusterList {
  const { searchParams } = url
  const owner = user?.admin ? searchParams.get('user') : user?.name
  const wanted = searchParams.get('state') ?? 'active'
  const clusters = state.clusters.filter(
    (cluster) =>
      (!owner || cluster.user === owner) && (wanted === 'all' || hasEnded(cluster) === (wanted === 'ended')),
  )
  return { clusters: clusters.map(({ workerList: _, currency: __, ...view }) => view), currency: 'EUR' }
}

function hasEnded({ state }: ClusterView): boolean {
  return state === 'stopped' || state === 'failed'
}

function findCluster({ state, user, params }: MockRequest): ClusterDetail {
  const cluster = state.clusters.find(({ name }) => name === params['cluster'])
  if (!cluster || !(user?.admin || cluster.user === user?.name)) {
    throw new MockError(404, 'not_found', 'No such cluster.')
  }
  return cluster
}

function streamLog(request: MockRequest): Response {
  const name = findCluster(request).name.slice(0, 8)
  const of = request.url.searchParams.get('worker') ?? `dask-scheduler-${name}`
  return streamText('text/plain', request.signal, (sent) => ({
    text: `2026-11-26 10:14:0${sent},101 - distributed - INFO - line ${sent + 1} of ${of}\n`,
    isLast: sent === 8,
  }))
}

function stopCluster(request: MockRequest): undefined {
  const cluster = findCluster(request)
  if (!canCluster('stop', cluster.state)) throw new MockError(409, 'conflict', 'It has ended already.')
  cluster.state = 'stopped'
  cluster.message = `Stopped by ${request.user?.name}.`
  cluster.stoppedAtMs = request.nowMs
  cluster.workers = { ...cluster.workers, wanted: 0, running: 0, waiting: 0 }
  for (const worker of cluster.workerList) worker.state = 'ended'
  delete cluster.dashboardUrl
}

function scaleCluster(request: MockRequest): ClusterDetail & { cut?: string } {
  const cluster = findCluster(request)
  const { workers, minimum, maximum } = request.body as Record<string, number | undefined>
  if (minimum !== undefined && maximum !== undefined) {
    cluster.adapt = { minimum, maximum }
    setWorkers(cluster, Math.max(minimum, Math.min(maximum, cluster.workers.wanted)))
  } else {
    delete cluster.adapt
    setWorkers(cluster, workers ?? 0)
  }
  const { limit } = cluster.workers
  const isCut = Math.max(workers ?? 0, maximum ?? 0) > limit
  return { ...cluster, ...(isCut && { cut: `It gets no more than ${limit} workers.` }) }
}

function setWorkers(cluster: ClusterDetail, asked: number): void {
  const wanted = Math.min(asked, cluster.workers.limit)
  const present = cluster.workerList.filter(({ state }) => state !== 'ended')
  const added = Array.from(
    { length: Math.max(0, wanted - present.length) },
    (_, index): ClusterWorker => ({
      name: `new-${present.length + index}`,
      job: `dask-worker-new-${present.length + index}`,
      state: 'running',
      node: 'node-1',
    }),
  )
  cluster.workerList = [...present.slice(0, wanted), ...added]
  cluster.workers = { ...cluster.workers, wanted, running: wanted, waiting: 0 }
}
