import { Type } from 'typebox'

import type { Cluster, ClusterState, Clusters } from '#dask/clusters.ts'
import { hideValues } from '#dask/options/shown-options.ts'
import { hasScope, type Principal } from '#identity/principal.ts'

const nullable = (type: 'string' | 'integer', description: string) =>
  Type.Unsafe<string | number | null>({ type: [type, 'null'], description })

/** A cluster as the protocol shows it (`Cluster.to_dict` of the reference's `models.py`). */
export const clusterReportSchema = Type.Object({
  name: Type.String(),
  dashboard_route: nullable('string', 'Below the gateway’s address; null unless it runs.'),
  status: Type.String({ description: 'PENDING, RUNNING, STOPPING, STOPPED or FAILED.' }),
  start_time: nullable('integer', 'When it was asked for, in milliseconds.'),
  stop_time: nullable('integer', 'When it had ended.'),
  options: Type.Record(Type.String(), Type.Unknown()),
  tls_cert: nullable('string', 'PEM; null unless it runs and the caller may compute on it.'),
  tls_key: nullable('string', 'PEM, as the certificate.'),
})

/** The keys to a running cluster are for who holds `access:clusters`. */
export async function buildClusterReport(
  clusters: Pick<Clusters, 'readCredentials'>,
  cluster: Cluster,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const { name, state } = cluster
  const mayCompute = hasScope(principal, 'access:clusters', { user: cluster.user })
  const credentials = state === 'running' && mayCompute ? await clusters.readCredentials(name) : undefined
  return {
    name,
    dashboard_route: state === 'running' ? buildDashboardRoute(name) : null,
    status: state.toUpperCase(),
    start_time: cluster.createdAtMs,
    stop_time: cluster.stoppedAtMs ?? null,
    options: mayCompute ? cluster.options : hideValues(cluster.options),
    tls_cert: credentials?.certificate ?? null,
    tls_key: credentials?.key ?? null,
  }
}

/** Below the gateway's address. */
export function buildDashboardRoute(name: string): string {
  return `/clusters/${name}/status`
}

const byStatus: Readonly<Record<string, ClusterState>> = {
  PENDING: 'pending',
  RUNNING: 'running',
  STOPPING: 'stopping',
  STOPPED: 'stopped',
  FAILED: 'failed',
}

/** `running`, in any case as the protocol writes it; undefined for what is none. */
export function findClusterState(status: string): ClusterState | undefined {
  const name = status.toUpperCase()
  return Object.hasOwn(byStatus, name) ? byStatus[name] : undefined
}
