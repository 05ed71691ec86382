import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { waitForAnswer } from '../hub/hub-under-test.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import { findChildren } from '../processes.ts'

/** For its end. */
const patienceMs = 20_000
export const batchspawnerVersion = '1.3.0'
const root = join(import.meta.dirname, '..', '..')
/** Seen by all hosts of the cluster, which have a /tmp of their own. */
const cache = '/var/cache/atrium-tests'

/** JupyterHub with batchspawner's SlurmSpawner as its documentation has it: root, sudo to the user, the default batch script. */
export async function startBatchspawner(
  cluster: SlurmCluster,
  { serverCommand }: HubOnClusterOptions,
): Promise<HubOnCluster> {
  const bin = join(ensureBatchspawner(), 'bin')
  const folder = mkdtempSync(join(cluster.dir, 'batchspawner-'))
  chmodSync(folder, 0o755)
  const adminToken = randomBytes(24).toString('hex')
  const [port, apiPort, hubPort] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const config = join(folder, 'jupyterhub_config.py')
  const command = serverCommand ?? [join(bin, 'jupyterhub-singleuser')]
  const values = { cluster, adminToken, port, apiPort, hubPort, command, bin }
  writeFileSync(config, buildConfig(values), { mode: 0o600 })
  const url = `http://${cluster.controlAddress}:${port}`
  const run = async () => {
    const child = spawn(join(bin, 'jupyterhub'), ['-f', config], {
      cwd: folder,
      env: {
        ...process.env,
        SLURM_CONF: cluster.env.SLURM_CONF,
        PATH: `${bin}:${join(root, 'node_modules', '.bin')}:${process.env['PATH']}`,
      },
      stdio: 'ignore',
    })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    await waitForAnswer(`${url}/hub/api/`)
    return { child, exited }
  }
  let running = await run()
  return {
    name: `JupyterHub ${jupyterhubVersion}, batchspawner ${batchspawnerVersion}`,
    url,
    adminToken,
    async kill() {
      const { pid = 0 } = running.child
      // Its proxy as well: one that is left over is in the way of the next hub now and then.
      for (const each of [pid, ...findChildren(pid)]) process.kill(each, 'SIGKILL')
      await running.exited
    },
    async startAgain() {
      running = await run()
    },
    async stop() {
      running.child.kill('SIGTERM')
      const timer = setTimeout(() => running.child.kill('SIGKILL'), patienceMs)
      await running.exited
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment, kept by version outside the tree: its prefix. Our servers run in it, too. */
export function ensureBatchspawner(): string {
  const prefix = join(cache, `jupyterhub-${jupyterhubVersion}-batchspawner-${batchspawnerVersion}`)
  const bin = join(prefix, 'bin')
  if (existsSync(join(bin, 'batchspawner-singleuser'))) return prefix
  mkdirSync(prefix, { recursive: true })
  execFileSync('/usr/bin/python3', ['-m', 'venv', prefix], { stdio: 'inherit' })
  const packages = [`jupyterhub==${jupyterhubVersion}`, `batchspawner==${batchspawnerVersion}`]
  execFileSync(join(bin, 'pip'), ['install', '--quiet', ...packages, 'jupyterlab', 'ipykernel'], {
    stdio: 'inherit',
  })
  return prefix
}

interface ConfigValues {
  cluster: SlurmCluster
  adminToken: string
  port: number
  apiPort: number
  hubPort: number
  command: readonly string[]
  bin: string
}

function buildConfig(values: ConfigValues): string {
  const { cluster, adminToken, port, apiPort, hubPort, command, bin } = values
  const host = cluster.controlAddress
  // Hosts have no names in a DNS here: n1 becomes its address.
  const hosts = host.replace(/\d+$/, '1')
  return [
    'import batchspawner',
    'c = get_config()',
    `c.JupyterHub.bind_url = "http://${host}:${port}"`,
    `c.JupyterHub.hub_bind_url = "http://${host}:${hubPort}"`,
    `c.JupyterHub.hub_connect_url = "http://${host}:${hubPort}"`,
    `c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${apiPort}"`,
    'c.ConfigurableHTTPProxy.should_start = True',
    'c.JupyterHub.cleanup_servers = False',
    'c.JupyterHub.authenticator_class = "dummy"',
    'c.Authenticator.allow_all = True',
    'c.JupyterHub.allow_named_servers = True',
    'c.JupyterHub.concurrent_spawn_limit = 0',
    'c.JupyterHub.log_level = "WARN"',
    'c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"',
    `c.Spawner.cmd = ${JSON.stringify(command)}`,
    `c.SlurmSpawner.batchspawner_singleuser_cmd = "${bin}/batchspawner-singleuser"`,
    'c.Spawner.http_timeout = 300',
    'c.Spawner.start_timeout = 600',
    'c.Spawner.ip = "0.0.0.0"',
    'c.Spawner.env_keep = ["PATH", "SLURM_CONF", "LANG"]',
    'c.SlurmSpawner.req_partition = "main"',
    'c.SlurmSpawner.req_memory = "200M"',
    'c.SlurmSpawner.req_srun = ""',
    'c.SlurmSpawner.state_exechost_re = r"\\s+n(\\d+)$"',
    `c.SlurmSpawner.state_exechost_exp = r"${hosts}\\1"`,
    `c.JupyterHub.services = [{"name": "bench", "api_token": "${adminToken}"}]`,
    'c.JupyterHub.load_roles = [{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "list:users", "read:users"]}]',
    '',
  ].join('\n')
}
