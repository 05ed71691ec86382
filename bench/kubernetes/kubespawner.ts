import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import {
  buildCommonConfig,
  ensureJupyterhub,
  type HubPorts,
  runJupyterhub,
} from '../hub/jupyterhub-on-cluster.ts'
import { makeStorage, storageFolders } from './bench-storage.ts'
import { benchImage, installServer, makeAccount } from './cluster-under-test.ts'

export const kubespawnerVersion = '7.1.0'
export const peerNamespace = 'bench-kubespawner'
/** Whose servers are measured, and as whom they run. */
const user = 'alice'
const uid = 2001

/** JupyterHub with KubeSpawner beside the cluster, its settings those of Zero to JupyterHub where they matter for a start. */
export async function startKubespawner(
  cluster: KubernetesCluster,
  { serverCommand }: HubOnClusterOptions,
): Promise<HubOnCluster> {
  const { kubeconfig } = await makeAccount(cluster, peerNamespace)
  const prefix = ensureKubespawner()
  const bin = join(prefix, 'bin')
  const folder = mkdtempSync(join(cluster.dir, 'kubespawner-'))
  chmodSync(folder, 0o755)
  const adminToken = randomBytes(24).toString('hex')
  const ports = { port: await findFreePort(), apiPort: await findFreePort(), hubPort: await findFreePort() }
  const command = serverCommand ?? [join(bin, 'jupyterhub-singleuser')]
  const storage = await makeStorage(cluster, { namespace: peerNamespace, environment: prefix })
  // KubeSpawner leaves folders to the storage, and the kubelet would make root's.
  const home = join(storage.folder, storageFolders.homes, user)
  mkdirSync(home, { mode: 0o700 })
  chownSync(home, uid, uid)
  const text = buildConfig({ cluster, adminToken, ports, command, prefix, claim: storage.claim })
  writeFileSync(join(folder, 'jupyterhub_config.py'), text, { mode: 0o600 })
  const hub = await runJupyterhub({
    name: `JupyterHub ${jupyterhubVersion}, kubespawner ${kubespawnerVersion}`,
    url: `http://${cluster.controlAddress}:${ports.port}`,
    adminToken,
    bin,
    folder,
    environment: { KUBECONFIG: kubeconfig },
  })
  return {
    ...hub,
    async stop() {
      await hub.stop()
      const all = ['--namespace', peerNamespace, '--all', '--grace-period=0', '--force']
      await cluster.kubectl('delete', 'pods', ...all)
      storage.remove()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment: the prefix. */
export function ensureKubespawner(): string {
  const version = kubespawnerVersion
  return ensureJupyterhub({ name: 'kubespawner', package: 'jupyterhub-kubespawner', version })
}

interface ConfigValues {
  cluster: KubernetesCluster
  adminToken: string
  ports: HubPorts
  command: readonly string[]
  prefix: string
  claim: string
}

function buildConfig({ cluster, adminToken, ports, command, prefix, claim }: ConfigValues): string {
  const { mountPath } = installServer(cluster)
  const volumes = [{ name: 'files', persistentVolumeClaim: { claimName: claim } }]
  const { homes, environment, bench } = storageFolders
  const show = (subPath: string, mountPath: string) => ({ name: 'files', mountPath, subPath })
  const mounts = [
    show(`${homes}/${user}`, `/home/${user}`),
    { ...show(environment, prefix), readOnly: true },
    { ...show(bench, mountPath), readOnly: true },
  ]
  return [
    ...buildCommonConfig(cluster.controlAddress, ports, adminToken),
    'c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"',
    `c.KubeSpawner.namespace = "${peerNamespace}"`,
    `c.KubeSpawner.image = "${benchImage}"`,
    'c.KubeSpawner.image_pull_policy = "Never"',
    `c.Spawner.cmd = ${JSON.stringify(command)}`,
    'c.Spawner.mem_limit = "300M"',
    `c.KubeSpawner.uid = ${uid}`,
    `c.KubeSpawner.gid = ${uid}`,
    `c.KubeSpawner.working_dir = "/home/${user}"`,
    `c.KubeSpawner.environment = {"HOME": "/home/${user}"}`,
    `c.KubeSpawner.volumes = ${JSON.stringify(volumes)}`,
    `c.KubeSpawner.volume_mounts = ${JSON.stringify(mounts).replaceAll('true', 'True')}`,
    '',
  ].join('\n')
}
