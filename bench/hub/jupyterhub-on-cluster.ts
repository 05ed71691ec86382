import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { findChildren } from '../processes.ts'
import type { HubOnCluster } from './hub-on-cluster.ts'
import { waitForAnswer } from './hub-under-test.ts'
import { jupyterhubVersion } from './jupyterhub.ts'

/** For its end. */
const patienceMs = 20_000
const root = join(import.meta.dirname, '..', '..')
/** Seen by all hosts of a cluster, which may have a /tmp of their own. */
const cache = '/var/cache/atrium-tests'

/** How JupyterHub's two ends and its proxy's API are reached. */
export interface HubPorts {
  port: number
  apiPort: number
  hubPort: number
}

/** Who it is, and what of it is the spawner's. */
export interface JupyterhubOptions {
  name: string
  url: string
  adminToken: string
  /** Folder of its programs. */
  bin: string
  /** The working directory, with `jupyterhub_config.py` in it. */
  folder: string
  environment: NodeJS.ProcessEnv
}

/** Runs JupyterHub with a configuration that is written already. `stop` leaves what the spawner made to the caller. */
export async function runJupyterhub(options: JupyterhubOptions): Promise<HubOnCluster> {
  const { name, url, adminToken, bin, folder, environment } = options
  const run = async () => {
    const child = spawn(join(bin, 'jupyterhub'), ['-f', join(folder, 'jupyterhub_config.py')], {
      cwd: folder,
      env: {
        ...process.env,
        ...environment,
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
    name,
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
    },
  }
}

/** JupyterHub with a spawner's package, kept by version outside the tree: its prefix. Our servers run in it, too. */
export function ensureJupyterhub(spawner: { name: string; package: string; version: string }): string {
  const prefix = join(cache, `jupyterhub-${jupyterhubVersion}-${spawner.name}-${spawner.version}`)
  const bin = join(prefix, 'bin')
  if (existsSync(join(bin, 'jupyter-lab'))) return prefix
  mkdirSync(prefix, { recursive: true })
  execFileSync('/usr/bin/python3', ['-m', 'venv', prefix], { stdio: 'inherit' })
  const packages = [`jupyterhub==${jupyterhubVersion}`, `${spawner.package}==${spawner.version}`]
  execFileSync(join(bin, 'pip'), ['install', '--quiet', ...packages, 'jupyterlab', 'ipykernel'], {
    stdio: 'inherit',
  })
  return prefix
}

/** What every hub here has in its configuration, whatever its spawner. */
export function buildCommonConfig(host: string, { port, apiPort, hubPort }: HubPorts, adminToken: string) {
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
    'c.Spawner.http_timeout = 300',
    'c.Spawner.start_timeout = 600',
    `c.JupyterHub.services = [{"name": "bench", "api_token": "${adminToken}"}]`,
    'c.JupyterHub.load_roles = [{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "list:users", "read:users"]}]',
  ]
}
