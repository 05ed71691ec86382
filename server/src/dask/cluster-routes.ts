import type { EdgeWays, RouteSource } from '#edge/route-source.ts'
import { hashSecret } from '#platform/secret.ts'
import type { JobEndpoint } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { schedulerPorts } from './cluster-jobs.ts'
import { buildDashboardPrefix, buildServerName } from './cluster-paths.ts'
import { type ClusterRecord, listClusters } from './cluster-records.ts'
import { isReady } from './cluster-view.ts'

/** The ways to a cluster whose scheduler answers there: its dashboard, and the tunnel of those who compute on it. */
export function buildClusterWays(
  { name, user, tokenHash }: Pick<ClusterRecord, 'name' | 'user' | 'tokenHash'>,
  { host, ports }: JobEndpoint,
): EdgeWays {
  const [dashboard, scheduler] = [ports[schedulerPorts.dashboard], ports[schedulerPorts.scheduler]]
  if (dashboard === undefined || scheduler === undefined) return { routes: [], tunnels: [] }
  const address = host.includes(':') ? `[${host}]` : host
  const data = { user, cluster: name }
  return {
    routes: [
      {
        prefix: buildDashboardPrefix(name),
        target: `http://${address}:${dashboard}`,
        access: { kind: 'cluster', user, cluster: name },
        proof: buildDashboardProof(tokenHash),
        data,
      },
    ],
    tunnels: [{ serverName: buildServerName(name), target: `tcp://${address}:${scheduler}`, data }],
  }
}

/**
 * What a dashboard knows the edge by: Dask asks nobody who they are, and its port is open to every program that reaches its node. The
 * scheduler finds it from its token (`atrium_client.dask_dashboard`).
 */
export function buildDashboardProof(tokenHash: string): string {
  return hashSecret(`dashboard ${tokenHash}`)
}

/** The ways to all clusters that run. */
export function createClusterRoutes({
  store,
  jobs,
}: {
  store: Pick<Store, 'db' | 'onChange'>
  jobs: Pick<Jobs, 'findMany' | 'subscribe'>
}): RouteSource {
  return {
    async list() {
      const clusters = await listClusters(store.db, { isOver: false, limit: Number.MAX_SAFE_INTEGER })
      const schedulers = await jobs.findMany(clusters.map(({ schedulerJob }) => schedulerJob))
      const ways = clusters.flatMap((cluster) => {
        const job = schedulers.get(cluster.schedulerJob)
        if (job?.endpoint === undefined || !isReady(job)) return []
        return [buildClusterWays(cluster, job.endpoint)]
      })
      return { routes: ways.flatMap(({ routes }) => routes), tunnels: ways.flatMap(({ tunnels }) => tunnels) }
    },
    // A cluster has ways while its scheduler runs, for its owner by name: nothing else changes them.
    onChange(listener) {
      const stops = [
        jobs.subscribe((keys) => {
          if (keys.some((key) => key === '*' || key.startsWith('dask-scheduler-'))) listener()
        }),
        store.onChange((changes) => {
          if (changes.some(({ topic }) => topic === 'user')) listener()
        }),
      ]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}
