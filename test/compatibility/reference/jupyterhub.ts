import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { HubProgram, RunningHub } from '../replay/running-hub.ts'
import { type ServiceWebServer, startServiceWebServer } from '../replay/service-web-server.ts'
import { site } from './site.ts'

/** The version whose answers are the reference. */
export const jupyterHubVersion = '6.1.1'

const here = import.meta.dirname
const proxyProgram = join(here, '../../../node_modules/configurable-http-proxy/bin/configurable-http-proxy')
const startMs = 60_000

/** The real JupyterHub with configurable-http-proxy, of a venv of its own: the given one, or a cached one made from PyPI. */
export function createJupyterHub(options: { venv: string | undefined }): HubProgram {
  return {
    name: `JupyterHub ${jupyterHubVersion}`,
    async start() {
      const venv = options.venv ?? ensureVenv()
      return await startJupyterHub(venv)
    },
  }
}

function ensureVenv(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const venv = join(cache, 'atrium', `jupyterhub-${jupyterHubVersion}`)
  const ready = join(venv, '.ready')
  if (existsSync(ready)) return venv
  console.error(`Making ${venv} ...`)
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
  const requirements = join(here, 'requirements.txt')
  execFileSync(findPython(venv), ['-m', 'pip', 'install', '--quiet', '-r', requirements], {
    stdio: 'inherit',
  })
  writeFileSync(ready, '')
  return venv
}

async function startJupyterHub(venv: string): Promise<RunningHub> {
  const folder = mkdtempSync(join(tmpdir(), 'jupyterhub-reference-'))
  const gates = join(folder, 'gates')
  mkdirSync(gates)
  const web = await startServiceWebServer()
  const [publicPort = 0, hubPort, proxyPort] = await findFreePorts(3)
  const configuration = {
    ...site,
    folder,
    publicPort,
    hubPort,
    proxyPort,
    proxyCommand: [process.execPath, proxyProgram],
    serverCommand: [findPython(venv), join(here, 'server.py')],
    serverEnvironment: { COMPATIBILITY_GATES: gates },
    services: buildServices(web),
  }
  const child = launch(venv, folder, configuration)
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const hub: RunningHub = {
    baseUrl: `http://127.0.0.1:${publicPort}`,
    gates,
    readLog: () => log,
    async stop() {
      child.kill('SIGTERM')
      await ended
      stopProxy(folder)
      await web.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await waitUntilReady(hub, () => child.exitCode !== null)
  return hub
}

function launch(venv: string, folder: string, configuration: unknown): ChildProcess {
  const siteFile = join(folder, 'site.json')
  writeFileSync(siteFile, JSON.stringify(configuration))
  return spawn(findPython(venv), ['-m', 'jupyterhub', '-f', join(here, 'jupyterhub_config.py')], {
    cwd: folder,
    // A fixed hash seed keeps the order of what the hub holds in sets.
    env: { ...process.env, COMPATIBILITY_SITE: siteFile, PYTHONHASHSEED: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A hub that ends by itself, as one that cannot start, leaves its proxy behind. */
function stopProxy(folder: string): void {
  const pidFile = join(folder, 'proxy.pid')
  if (!existsSync(pidFile)) return
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGTERM')
  } catch {
    // It has ended as well.
  }
}

function findPython(venv: string): string {
  return join(venv, 'bin/python')
}

function buildServices(web: ServiceWebServer): unknown[] {
  return site.services.map((service) => ({
    name: service.name,
    api_token: service.apiToken,
    admin: service.admin ?? false,
    display: service.display ?? true,
    info: service.info ?? {},
    ...(service.hasWebServer ? { url: web.url, oauth_no_confirm: service.oauthNoConfirm ?? false } : {}),
    ...(service.oauthClientAllowedScopes === undefined
      ? {}
      : { oauth_client_allowed_scopes: service.oauthClientAllowedScopes }),
  }))
}

async function waitUntilReady(hub: RunningHub, hasEnded: () => boolean): Promise<void> {
  const deadline = Date.now() + startMs
  while (!hub.readLog().includes('JupyterHub is now running')) {
    if (hasEnded() || Date.now() > deadline) {
      await hub.stop()
      throw new Error(`JupyterHub did not start:\n${hub.readLog()}`)
    }
    await delay(50)
  }
}

async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
