import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import {
  buildCommonConfig,
  ensureJupyterhub,
  type HubPorts,
  runJupyterhub,
} from '../hub/jupyterhub-on-cluster.ts'

export const batchspawnerVersion = '1.3.0'

/** JupyterHub with batchspawner's SlurmSpawner as its documentation has it: root, sudo to the user, the default batch script. */
export async function startBatchspawner(
  cluster: SlurmCluster,
  { serverCommand }: HubOnClusterOptions,
): Promise<HubOnCluster> {
  const bin = join(ensureBatchspawner(), 'bin')
  const folder = mkdtempSync(join(cluster.dir, 'batchspawner-'))
  chmodSync(folder, 0o755)
  const adminToken = randomBytes(24).toString('hex')
  const ports = { port: await findFreePort(), apiPort: await findFreePort(), hubPort: await findFreePort() }
  const command = serverCommand ?? [join(bin, 'jupyterhub-singleuser')]
  const text = buildConfig({ cluster, adminToken, ports, command, bin })
  writeFileSync(join(folder, 'jupyterhub_config.py'), text, { mode: 0o600 })
  const hub = await runJupyterhub({
    name: `JupyterHub ${jupyterhubVersion}, batchspawner ${batchspawnerVersion}`,
    url: `http://${cluster.controlAddress}:${ports.port}`,
    adminToken,
    bin,
    folder,
    environment: { SLURM_CONF: cluster.env.SLURM_CONF },
  })
  return {
    ...hub,
    async stop() {
      await hub.stop()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment: the prefix. */
export function ensureBatchspawner(): string {
  return ensureJupyterhub({ name: 'batchspawner', package: 'batchspawner', version: batchspawnerVersion })
}

interface ConfigValues {
  cluster: SlurmCluster
  adminToken: string
  ports: HubPorts
  command: readonly string[]
  bin: string
}

function buildConfig({ cluster, adminToken, ports, command, bin }: ConfigValues): string {
  const host = cluster.controlAddress
  // Hosts have no names in a DNS here: n1 becomes its address.
  const hosts = host.replace(/\d+$/, '1')
  return [
    'import batchspawner',
    ...buildCommonConfig(host, ports, adminToken),
    'c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"',
    `c.Spawner.cmd = ${JSON.stringify(command)}`,
    `c.SlurmSpawner.batchspawner_singleuser_cmd = "${bin}/batchspawner-singleuser"`,
    'c.Spawner.ip = "0.0.0.0"',
    'c.Spawner.env_keep = ["PATH", "SLURM_CONF", "LANG"]',
    'c.SlurmSpawner.req_partition = "main"',
    'c.SlurmSpawner.req_memory = "200M"',
    'c.SlurmSpawner.req_srun = ""',
    'c.SlurmSpawner.state_exechost_re = r"\\s+n(\\d+)$"',
    `c.SlurmSpawner.state_exechost_exp = r"${hosts}\\1"`,
    '',
  ].join('\n')
}
