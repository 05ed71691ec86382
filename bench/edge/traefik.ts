import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from '../../test/support/free-port.ts'
import { startProcess, stopProcess } from './bench-process.ts'
import { openPath, type ProxyUnderTest, userPath } from './proxy-under-test.ts'

/** Where `build-traefik.sh` puts it. */
const ownBuild = join(import.meta.dirname, '..', '..', '.cache', 'traefik')

/** Traefik's program: `TRAEFIK_BIN`, our own build, or what PATH has. */
export function findTraefik(): string | undefined {
  const present = [process.env['TRAEFIK_BIN'], ownBuild].find(
    (path) => path !== undefined && existsSync(path),
  )
  if (present !== undefined) return present
  try {
    return execFileSync('which', ['traefik'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}

/** Traefik with its file provider; `/user/` behind forwardAuth, which asks a program that says yes at once. */
export async function startTraefik(program: string, backendPort: number): Promise<ProxyUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-bench-traefik-'))
  const port = await findFreePort()
  const authenticator = createServer((_request, response) => void response.end())
  await new Promise<void>((resolve) => authenticator.listen(0, '127.0.0.1', resolve))
  const authPort = (authenticator.address() as AddressInfo).port
  const paths = [openPath]
  const write = () => {
    // Moved into place: a file that is read half-written is an error in Traefik's log and a lost change.
    writeFileSync(
      join(folder, 'routes.new'),
      JSON.stringify(buildConfiguration(paths, backendPort, authPort)),
    )
    renameSync(join(folder, 'routes.new'), join(folder, 'routes.yaml'))
  }
  write()
  const child = startProcess(program, [
    `--entrypoints.web.address=127.0.0.1:${port}`,
    `--providers.file.filename=${join(folder, 'routes.yaml')}`,
    '--providers.file.watch=true',
    '--providers.providersThrottleDuration=10ms',
    '--log.level=ERROR',
  ])
  await waitFor('Traefik', () =>
    fetch(`http://127.0.0.1:${port}${openPath}small`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return {
    pid: child.pid as number,
    port,
    authorization: ['Authorization: token x'],
    async addRoute(name) {
      paths.push(`/open/${name}/`)
      write()
    },
    async close() {
      await stopProcess(child)
      authenticator.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** JSON is YAML. */
function buildConfiguration(paths: readonly string[], backendPort: number, authPort: number): object {
  const open = paths.map((path, index) => [
    `open-${index}`,
    { rule: `PathPrefix(\`${path}\`)`, service: 'backend', entryPoints: ['web'] },
  ])
  const user = {
    rule: `PathPrefix(\`${userPath}\`)`,
    service: 'backend',
    entryPoints: ['web'],
    middlewares: ['ask'],
  }
  return {
    http: {
      routers: { ...Object.fromEntries(open), user },
      services: { backend: { loadBalancer: { servers: [{ url: `http://127.0.0.1:${backendPort}` }] } } },
      middlewares: { ask: { forwardAuth: { address: `http://127.0.0.1:${authPort}/` } } },
    },
  }
}
