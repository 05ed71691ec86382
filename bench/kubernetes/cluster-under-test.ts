import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { readAuditLog } from '../../test/kubernetes/audit.ts'
import { type KubernetesCluster, startKubernetesCluster } from '../../test/kubernetes/cluster.ts'

/** Python and nothing else; environments come from the machine's disk. */
export const benchImage = 'local.test/python:1'

/** What the daemons of a cluster take of the machine while nothing happens, and a little more. */
export const quietShare = 0.3

/** The cluster that both hubs run on. */
export function startBenchCluster(): Promise<KubernetesCluster> {
  return startKubernetesCluster({ name: 'bench' })
}

/** The trivial server: a folder of the machine, where pods are to see it, and what they run then. */
export function installServer(cluster: KubernetesCluster): {
  folder: string
  mountPath: string
  command: readonly string[]
} {
  const folder = join(cluster.dir, 'bench')
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const name = 'trivial-server.py'
  const path = join(folder, name)
  copyFileSync(join(import.meta.dirname, '..', '..', 'test', 'support', name), path)
  chmodSync(path, 0o755)
  const mountPath = '/opt/bench'
  return { folder, mountPath, command: ['/usr/bin/python3', '-I', '-S', join(mountPath, name)] }
}

/** A hub's namespace, and who it is to the API server, which counts its calls. */
export interface BenchAccount {
  namespace: string
  kubeconfig: string
  /** Calls so far, by verb and resource, oldest first. */
  calls(): readonly string[]
}

/** Makes both; the account may do everything, as what is measured is how much it does. Safe to repeat. */
export async function makeAccount(cluster: KubernetesCluster, namespace: string): Promise<BenchAccount> {
  const name = 'hub'
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  )
  const token = await cluster.kubectl('create', 'token', name, '--namespace', namespace, '--duration=24h')
  const kubeconfig = join(cluster.dir, `${namespace}.kubeconfig`)
  writeFileSync(kubeconfig, buildKubeconfig(cluster, token.trim()), { mode: 0o600 })
  const user = `system:serviceaccount:${namespace}:${name}`
  const calls = () =>
    readAuditLog(cluster.auditLog, user).map(({ verb, resource, path }) => `${verb} ${resource ?? path}`)
  return { namespace, kubeconfig, calls }
}

/** The administrator's, with another user. */
function buildKubeconfig({ kubeconfig }: KubernetesCluster, token: string): string {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { users: { user: object }[] }
  for (const each of config.users) each.user = { token }
  return JSON.stringify(config)
}
