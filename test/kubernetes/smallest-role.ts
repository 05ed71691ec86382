import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { parse } from 'yaml'

import type { KubernetesCluster } from './cluster.ts'

/** As in a Role. */
export interface RoleRule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

/** The rights that the platform is given, and no others. */
export interface SmallestRole {
  /** With a token of the account, good for a day. */
  kubeconfig: string
  /** As the API server calls the account. */
  user: string
}

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'kubernetes', 'chart', 'rbac')
/** Where the platform itself would be: its accounts are not in the namespace of jobs. */
export const platformNamespace = 'platforms'

/** What the chart grants, in the namespace of jobs and for nodes: the one source of it. */
export function readRoleRules(): { inNamespace: RoleRule[]; ofCluster: RoleRule[] } {
  const read = (file: string) => parse(readFileSync(join(folder, file), 'utf8')) as RoleRule[]
  return { inNamespace: read('role-rules.yaml'), ofCluster: read('cluster-role-rules.yaml') }
}

/** An account with the platform's rights over one namespace, which is there. Safe to repeat. */
export async function ensureSmallestRole(
  cluster: KubernetesCluster,
  namespace: string,
): Promise<SmallestRole> {
  const name = `platform-of-${namespace}`
  const { inNamespace, ofCluster } = readRoleRules()
  const api = 'rbac.authorization.k8s.io'
  const rbac = (kind: string, metadata: object, rest: object) => ({
    apiVersion: `${api}/v1`,
    kind,
    metadata: { name, ...metadata },
    ...rest,
  })
  const subjects = [{ kind: 'ServiceAccount', name, namespace: platformNamespace }]
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: platformNamespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: platformNamespace } },
    rbac('Role', { namespace }, { rules: inNamespace }),
    rbac('RoleBinding', { namespace }, { roleRef: { apiGroup: api, kind: 'Role', name }, subjects }),
    rbac('ClusterRole', {}, { rules: ofCluster }),
    rbac('ClusterRoleBinding', {}, { roleRef: { apiGroup: api, kind: 'ClusterRole', name }, subjects }),
  )
  const asked = ['create', 'token', name, '--namespace', platformNamespace, '--duration=24h']
  const token = (await cluster.kubectl(...asked)).trim()
  const admin = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as { clusters: unknown[] }
  const kubeconfig = join(cluster.dir, `${name}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: admin.clusters,
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: 'test', user: name } }],
    'current-context': name,
  }
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })
  return { kubeconfig, user: `system:serviceaccount:${platformNamespace}:${name}` }
}

/** The account goes; its role goes with its namespace. */
export async function removeSmallestRole(cluster: KubernetesCluster, namespace: string): Promise<void> {
  const name = `platform-of-${namespace}`
  await cluster.kubectl(
    'delete',
    'serviceaccount',
    name,
    '--namespace',
    platformNamespace,
    '--ignore-not-found',
  )
  await cluster.kubectl('delete', 'clusterrole,clusterrolebinding', name, '--ignore-not-found')
}
