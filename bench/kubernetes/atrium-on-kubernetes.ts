import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { startPlatform } from '../../test/support/platform.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { makeStorage, storageFolders } from './bench-storage.ts'
import { benchImage, installServer, makeAccount } from './cluster-under-test.ts'
import { ensureKubespawner } from './kubespawner.ts'

export const ourNamespace = 'bench-atrium'

/** Atrium beside the cluster, as its peer is: the same image, JupyterLab and storage. */
export async function startAtriumOnKubernetes(
  cluster: KubernetesCluster,
  { serverCommand }: HubOnClusterOptions,
  config: object = {},
): Promise<HubOnCluster> {
  const { kubeconfig } = await makeAccount(cluster, ourNamespace)
  const environment = ensureKubespawner()
  const { mountPath } = installServer(cluster)
  const made = await makeStorage(cluster, { namespace: ourNamespace, environment })
  const { claim, folder } = made
  const storage = {
    root: { claim, folder },
    environments: { claim, subPath: storageFolders.environment, path: environment },
    volumes: [{ name: 'bench', claim, subPath: storageFolders.bench, mountPath, readOnly: true }],
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
      made.remove()
    },
  }
}
