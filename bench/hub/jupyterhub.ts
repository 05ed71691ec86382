import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

import { findFreePort } from '../../test/support/free-port.ts'
import { findChildren } from '../processes.ts'
import { type HubOptions, type HubUnderTest, waitForAnswer } from './hub-under-test.ts'
import { signInByForm } from './sign-in.ts'

/** The peer's version; the figures of another one are not comparable. */
export const jupyterhubVersion = '6.1.1'
const password = 'bench'
const root = join(import.meta.dirname, '..', '..')

/** Starts the real JupyterHub with configurable-http-proxy, from PyPI and npm, as its documentation says, without TLS. */
export async function startJupyterHub(options: HubOptions = {}): Promise<HubUnderTest> {
  const bin = ensureJupyterHub()
  const folder = mkdtempSync(join(tmpdir(), 'bench-jupyterhub-'))
  const adminToken = randomBytes(24).toString('hex')
  const [port, apiPort, hubPort] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const config = join(folder, 'jupyterhub_config.py')
  writeFileSync(config, buildConfig({ adminToken, port, apiPort, hubPort, bin, ...options }), { mode: 0o600 })
  const started = performance.now()
  const child = spawn(join(bin, 'jupyterhub'), ['-f', config], {
    cwd: folder,
    env: { ...process.env, PATH: `${bin}:${join(root, 'node_modules', '.bin')}:${process.env['PATH']}` },
    stdio: 'ignore',
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const url = `http://127.0.0.1:${port}`
  await waitForAnswer(`${url}/hub/api/`)
  return {
    name: `JupyterHub ${jupyterhubVersion}`,
    url,
    adminToken,
    startUpMs: performance.now() - started,
    pids: async () => [child.pid ?? 0, ...findChildren(child.pid ?? 0)],
    signIn: (user) => signInByForm(url, user, password),
    async stop() {
      child.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment, kept by version outside the tree; answers its bin folder. */
function ensureJupyterHub(): string {
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const prefix = join(cache, 'atrium-tests', `jupyterhub-${jupyterhubVersion}`)
  const bin = join(prefix, 'bin')
  if (existsSync(join(bin, 'jupyterhub'))) return bin
  mkdirSync(prefix, { recursive: true })
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'
  execFileSync(python, ['-m', 'venv', prefix], { stdio: 'inherit' })
  execFileSync(
    join(bin, 'pip'),
    ['install', '--quiet', `jupyterhub==${jupyterhubVersion}`, 'jupyterlab', 'ipykernel'],
    { stdio: 'inherit' },
  )
  return bin
}

interface ConfigValues extends HubOptions {
  adminToken: string
  port: number
  apiPort: number
  hubPort: number
  bin: string
}

function buildConfig(values: ConfigValues): string {
  const command = values.serverCommand ?? [join(values.bin, 'jupyterhub-singleuser')]
  return [
    'c = get_config()',
    `c.JupyterHub.bind_url = "http://127.0.0.1:${values.port}"`,
    `c.JupyterHub.hub_bind_url = "http://127.0.0.1:${values.hubPort}"`,
    `c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${values.apiPort}"`,
    'c.JupyterHub.authenticator_class = "dummy"',
    `c.DummyAuthenticator.password = "${password}"`,
    'c.Authenticator.allow_all = True',
    'c.Authenticator.admin_users = {"admin"}',
    'c.JupyterHub.spawner_class = "simple"',
    `c.Spawner.cmd = ${JSON.stringify(command)}`,
    'c.Spawner.args = ["--allow-root"]',
    'c.JupyterHub.concurrent_spawn_limit = 0',
    'c.JupyterHub.log_level = "WARN"',
    `c.JupyterHub.services = [{"name": "bench", "api_token": "${values.adminToken}"}]`,
    'c.JupyterHub.load_roles = [{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "admin:groups", "tokens", "access:servers", "list:users", "read:users", "proxy"]}]',
    '',
  ].join('\n')
}
