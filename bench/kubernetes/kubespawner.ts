import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { waitForAnswer } from '../hub/hub-under-test.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import { findChildren } from '../processes.ts'
import { benchImage, installServer, makeAccount } from './cluster-under-test.ts'

/** For its end. */
const patienceMs = 20_000
export const kubespawnerVersion = '7.1.0'
export const peerNamespace = 'bench-kubespawner'
const root = join(import.meta.dirname, '..', '..')
const cache = '/var/cache/atrium-tests'

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
  const [port, apiPort, hubPort] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const config = join(folder, 'jupyterhub_config.py')
  const command = serverCommand ?? [join(bin, 'jupyterhub-singleuser')]
  writeFileSync(config, buildConfig({ cluster, adminToken, port, apiPort, hubPort, command, prefix }), {
    mode: 0o600,
  })
  const url = `http://${cluster.controlAddress}:${port}`
  const run = async () => {
    const child = spawn(join(bin, 'jupyterhub'), ['-f', config], {
      cwd: folder,
      env: {
        ...process.env,
        KUBECONFIG: kubeconfig,
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
    name: `JupyterHub ${jupyterhubVersion}, kubespawner ${kubespawnerVersion}`,
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
      await cluster.kubectl(
        'delete',
        'pods',
        '--namespace',
        peerNamespace,
        '--all',
        '--grace-period=0',
        '--force',
      )
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment, kept by version outside the tree: its prefix. Our servers run in it, too. */
export function ensureKubespawner(): string {
  const prefix = join(cache, `jupyterhub-${jupyterhubVersion}-kubespawner-${kubespawnerVersion}`)
  const bin = join(prefix, 'bin')
  if (existsSync(join(bin, 'jupyter-lab'))) return prefix
  mkdirSync(prefix, { recursive: true })
  execFileSync('/usr/bin/python3', ['-m', 'venv', prefix], { stdio: 'inherit' })
  const packages = [`jupyterhub==${jupyterhubVersion}`, `jupyterhub-kubespawner==${kubespawnerVersion}`]
  execFileSync(join(bin, 'pip'), ['install', '--quiet', ...packages, 'jupyterlab', 'ipykernel'], {
    stdio: 'inherit',
  })
  return prefix
}

interface ConfigValues {
  cluster: KubernetesCluster
  adminToken: string
  port: number
  apiPort: number
  hubPort: number
  command: readonly string[]
  prefix: string
}

function buildConfig(values: ConfigValues): string {
  const { cluster, adminToken, port, apiPort, hubPort, command, prefix } = values
  const host = cluster.controlAddress
  const { folder, mountPath } = installServer(cluster)
  const volumes = [
    { name: 'environment', hostPath: { path: prefix } },
    { name: 'bench', hostPath: { path: folder } },
  ]
  const mounts = [
    { name: 'environment', mountPath: prefix, readOnly: true },
    { name: 'bench', mountPath, readOnly: true },
  ]
  return [
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
    'c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"',
    `c.KubeSpawner.namespace = "${peerNamespace}"`,
    `c.KubeSpawner.image = "${benchImage}"`,
    'c.KubeSpawner.image_pull_policy = "Never"',
    `c.Spawner.cmd = ${JSON.stringify(command)}`,
    'c.Spawner.http_timeout = 300',
    'c.Spawner.start_timeout = 600',
    'c.Spawner.mem_limit = "300M"',
    'c.KubeSpawner.uid = 2001',
    'c.KubeSpawner.gid = 2001',
    'c.KubeSpawner.working_dir = "/tmp"',
    'c.KubeSpawner.environment = {"HOME": "/tmp"}',
    `c.KubeSpawner.volumes = ${JSON.stringify(volumes)}`,
    `c.KubeSpawner.volume_mounts = ${JSON.stringify(mounts).replaceAll('true', 'True')}`,
    `c.JupyterHub.services = [{"name": "bench", "api_token": "${adminToken}"}]`,
    'c.JupyterHub.load_roles = [{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "list:users", "read:users"]}]',
    '',
  ].join('\n')
}
