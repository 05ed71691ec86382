import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { startPlatform } from '../../test/support/platform.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { benchImage, installServer, makeAccount } from './cluster-under-test.ts'
import { ensureKubespawner } from './kubespawner.ts'

export const ourNamespace = 'bench-atrium'

/** Atrium beside the cluster, as its peer is: the same image, the same JupyterLab, folders of the machine as volumes. */
export async function startAtriumOnKubernetes(
  cluster: KubernetesCluster,
  { serverCommand }: HubOnClusterOptions,
  config: object = {},
): Promise<HubOnCluster> {
  const { kubeconfig } = await makeAccount(cluster, ourNamespace)
  const root = mkdtempSync(join(cluster.dir, 'atrium-'))
  const homes = join(root, 'root')
  mkdirSync(homes, { mode: 0o755 })
  const environment = ensureKubespawner()
  const { folder, mountPath } = installServer(cluster)
  const suffix = basename(root).slice('atrium-'.length).toLowerCase()
  const claims = { root: `root-${suffix}`, environment: `environment-${suffix}`, bench: `bench-${suffix}` }
  await makeClaims(cluster, {
    [claims.root]: homes,
    [claims.environment]: environment,
    [claims.bench]: folder,
  })
  const storage = {
    root: { claim: claims.root, folder: homes },
    environments: { claim: claims.environment, path: environment },
    volumes: [{ name: 'bench', claim: claims.bench, mountPath, readOnly: true }],
  }
  const pods = { namespace: ourNamespace, image: benchImage, imagePullPolicy: 'Never', kubeconfig, storage }
  const simulated = {
    name: 'simulated',
    nodeSelector: { 'atrium.test/simulated': 'sim' },
    tolerations: [{ operator: 'Exists' }],
  }
  const platform = await startPlatform({
    prefix: environment,
    config: JSON.stringify({
      edge: { host: cluster.controlAddress },
      scheduler: { driver: 'kubernetes', kubernetes: { ...pods, nodePools: [simulated] } },
      environment: { prefix: environment },
      servers: { named: 100, ...(serverCommand === undefined ? {} : { command: serverCommand }) },
      profiles: [
        { name: 'default', memory: '300M' },
        { name: 'simulated', memory: '300M', nodePool: 'simulated' },
      ],
      dask: { enabled: false },
      log: { level: 'warn' },
      ...config,
    }),
  })
  return {
    name: 'Atrium',
    url: platform.url,
    adminToken: await platform.adminToken(),
    kill: () => platform.kill(),
    startAgain: () => platform.startAgain(),
    async stop() {
      await platform.dispose()
      rmSync(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Claims of the namespace, each on a folder of the machine. */
async function makeClaims(cluster: KubernetesCluster, folders: Record<string, string>): Promise<void> {
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' }
  const storage = '10Gi'
  const objects = Object.entries(folders).flatMap(([name, path]) => {
    const volumeName = `${ourNamespace}-${name}`
    return [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: volumeName },
        spec: {
          ...common,
          capacity: { storage },
          hostPath: { path },
          persistentVolumeReclaimPolicy: 'Retain',
          claimRef: { namespace: ourNamespace, name },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: ourNamespace },
        spec: { ...common, volumeName, resources: { requests: { storage } } },
      },
    ]
  })
  await cluster.apply(...objects)
}
