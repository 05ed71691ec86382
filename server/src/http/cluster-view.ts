import type { ClusterView } from '@atrium/contract/clusters-api.ts'

import { buildDashboardPrefix } from '#dask/cluster-paths.ts'
import type { Cluster } from '#dask/clusters.ts'
import { hideValues } from '#dask/options/shown-options.ts'
import { describeJobEnvironment } from '#scheduler/job-environment.ts'
import { readSubjectUse } from '#scheduler/usage/subject-use.ts'
import { priceUse, type UsagePrices } from '#scheduler/usage/usage-report.ts'
import type { ReadableDatabase } from '#store/store.ts'

/** What views need besides the clusters. */
export interface ClusterViewOptions {
  db: ReadableDatabase
  nowMs: number
  /** Absent: use has no cost. */
  prices: UsagePrices | undefined
}

const noUse = { coreSeconds: 0, gpuSeconds: 0, gibSeconds: 0 }

/** Clusters as people see them, with what they used so far: one query for all. */
export async function buildClusterViews(
  { db, nowMs, prices }: ClusterViewOptions,
  clusters: readonly Cluster[],
): Promise<readonly ClusterView[]> {
  const uses = await readSubjectUse(
    db,
    clusters.map(({ id }) => `cluster:${id}`),
    nowMs,
  )
  return clusters.map((cluster) => ({
    ...buildPlainView(cluster),
    use: priceUse(
      uses.get(`cluster:${cluster.id}`) ?? noUse,
      cluster.settings.queue?.partition ?? '',
      prices,
    ),
  }))
}

function buildPlainView(cluster: Cluster): Omit<ClusterView, 'use'> {
  const { name, user, state, message, server, settings, adapt, startedAtMs, stoppedAtMs } = cluster
  const { cpu, memoryBytes, gpu, preemptible } = settings.worker
  return {
    name,
    user,
    state,
    ...(message === undefined ? {} : { message }),
    ...(server === undefined ? {} : { server }),
    environment: describeEnvironment(settings),
    options: hideValues(cluster.options),
    worker: { cpu, memoryBytes, gpu, preemptible },
    workers: cluster.workers,
    ...(adapt === undefined ? {} : { adapt }),
    ...(state === 'running' ? { dashboardUrl: `${buildDashboardPrefix(name)}status` } : {}),
    schedulerJob: cluster.schedulerJob,
    ...(settings.idleTimeoutMs === 0 ? {} : { idleTimeoutMs: settings.idleTimeoutMs }),
    ...(settings.clientTimeoutMs === 0 ? {} : { clientTimeoutMs: settings.clientTimeoutMs }),
    createdAtMs: cluster.createdAtMs,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(stoppedAtMs === undefined ? {} : { stoppedAtMs }),
  }
}

function describeEnvironment({ environmentPrefix, place }: Cluster['settings']): string {
  return describeJobEnvironment({
    ...(environmentPrefix === undefined ? {} : { prefix: environmentPrefix }),
    ...(place?.image === undefined ? {} : { image: place.image }),
  })
}
