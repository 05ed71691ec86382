import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { type Platform, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import type { KubernetesCluster } from './cluster.ts'
import { ensureSmallestRole, removeSmallestRole } from './smallest-role.ts'

/** A whole platform next to a cluster, as an administrator sets it up on a machine of the cluster's network. */
export interface PlatformSite {
  platform: Platform
  /** Where its users' pods are, and nothing else. */
  namespace: string
  /** What the claim `root` shows: homes and folders of groups. */
  root: string
  /** kubectl in that namespace. */
  kubectl(...args: string[]): Promise<string>
  dispose(): Promise<void>
}

/**
 * Starts it as root, with storage and environments on volumes of the node. `config`: more of `atrium.yaml`; `edge` and `kubernetes`: more of
 * what is said there, where `storage` is more of the storage.
 */
export async function startPlatformSite(
  cluster: KubernetesCluster,
  {
    edge,
    kubernetes: { storage, ...kubernetes } = {},
    ...config
  }: { edge?: object; kubernetes?: { storage?: object; [key: string]: unknown }; [section: string]: unknown },
): Promise<PlatformSite> {
  const id = `p${randomBytes(4).toString('hex')}`
  const dir = mkdtempSync(join(cluster.dir, 'platform-'))
  chmodSync(dir, 0o755)
  const [data, root] = [join(dir, 'data'), join(dir, 'root')]
  for (const folder of [data, root]) mkdirSync(folder)
  const prefix = await ensureTestEnvironment()
  const environments = dirname(prefix)
  await ensureNamespace(cluster, id)
  const { kubeconfig } = await ensureSmallestRole(cluster, id)
  await ensureClaims(cluster, id, { root, environments })
  const clear = async () => {
    await cluster.kubectl('delete', 'namespace', id, '--ignore-not-found', '--timeout=120s')
    await cluster.kubectl('delete', 'persistentvolumes', '--selector', `atrium.test/site=${id}`)
    await removeSmallestRole(cluster, id)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const platform = await startPlatform({
      ...{ data, prefix },
      config: JSON.stringify({
        edge: { host: cluster.controlAddress, ...edge },
        scheduler: {
          driver: 'kubernetes',
          kubernetes: {
            ...{ kubeconfig, namespace: id, instance: id },
            ...{ image: 'local.test/python:1', imagePullPolicy: 'Never' },
            networkPolicy: { enabled: true, controlPlane: { cidrs: [`${cluster.controlAddress}/32`] } },
            storage: {
              root: { claim: 'root', folder: root },
              environments: { claim: 'environments', path: environments },
              ...storage,
            },
            ...kubernetes,
          },
        },
        ...config,
      }),
    })
    return {
      ...{ platform, namespace: id, root },
      kubectl: (...args) => cluster.kubectl('--namespace', id, ...args),
      dispose: () => platform.dispose().finally(clear),
    }
  } catch (error) {
    await clear()
    throw error
  }
}

async function ensureNamespace(cluster: KubernetesCluster, name: string): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
}

/** A claim of each name, which shows a folder of the node. */
export async function ensureClaims(
  cluster: KubernetesCluster,
  namespace: string,
  folders: Readonly<Record<string, string>>,
): Promise<void> {
  const shape = {
    accessModes: ['ReadWriteMany'],
    storageClassName: '',
  }
  const volumes = Object.entries(folders).map(([name, path]) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${namespace}-${name}`, labels: { 'atrium.test/site': namespace } },
    spec: {
      ...shape,
      capacity: { storage: '10Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path, type: 'Directory' },
      claimRef: { namespace, name },
    },
  }))
  const claims = Object.keys(folders).map((name) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: {
      ...shape,
      volumeName: `${namespace}-${name}`,
      resources: { requests: { storage: '10Gi' } },
    },
  }))
  await cluster.apply(...volumes, ...claims)
  const bound = '--for=jsonpath={.status.phase}=Bound'
  const names = Object.keys(folders).map((name) => `persistentvolumeclaim/${name}`)
  await cluster.kubectl('wait', '--namespace', namespace, bound, '--timeout=60s', ...names)
}
