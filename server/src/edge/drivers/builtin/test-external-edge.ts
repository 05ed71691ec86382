/** For tests: edges that run by themselves, each in a process and at an address of its own, as on machines of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { connectBySharedKey, deriveSharedKey } from '#platform/shared-key-tls.ts'
import type { WatchedEdge } from './builtin-edge.ts'
import type { ExternalEdgeConfig } from './edge-config.ts'
import type { EdgeTimes } from './edge-settings.ts'
import { createExternalEdges, type ExternalEdgesTimes } from './external-edges.ts'
import { waitForReadyLine } from './ready-line.ts'

export interface TestEdges {
  key: Buffer
  ports: { public: number; control: number; health: number }
  /** Starts an edge at `127.0.0.N`. */
  start(n: number, times?: Partial<EdgeTimes>): Promise<TestExternalEdge>
  /** Connects a control plane that finds the edges which `start` was called for and `forget` was not. */
  connect(options?: ConnectOptions): WatchedEdge
  /** The address is not found any more. */
  forget(n: number): void
  dispose(): Promise<void>
}

export interface ConnectOptions {
  fence?: () => number
  leads?: () => boolean
  times?: Partial<ExternalEdgesTimes>
  key?: Buffer
}

export interface TestExternalEdge {
  address: string
  /** Where its users come in. */
  url: string
  process: ChildProcess
  readLog(): string
  /** Status of its health port at this path; undefined: nobody answers. */
  probe(path: '/healthz' | '/readyz'): Promise<number | undefined>
  /** Ends it without a word. */
  kill(): Promise<void>
}

const program = fileURLToPath(import.meta.resolve('#main/edge.ts'))
const readyWithinMs = 60_000
/** Shared by all tests: starts are faster. */
const compileCachePath = join(tmpdir(), `atrium-test-compiled-${process.getuid?.()}`)

export async function createTestEdges(): Promise<TestEdges> {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-edges-'))
  const key = randomBytes(32)
  const keyFile = join(folder, 'edge.key')
  writeFileSync(keyFile, key, { mode: 0o600 })
  const [main, control, health] = await Promise.all([freePort(), freePort(), freePort()])
  const ports = { public: main, control, health }
  const running: TestExternalEdge[] = []
  const connections: WatchedEdge[] = []
  const known = new Set<string>()
  const site = { keyFile, ports }
  return {
    key,
    ports,
    async start(n, times = {}) {
      const edge = await startOne(site, n, times)
      running.push(edge)
      known.add(edge.address)
      return edge
    },
    connect({ fence = () => 0, leads = () => true, times = {}, key: ownKey = key } = {}) {
      const edges = createExternalEdges({
        publicUrl: `http://127.0.0.1:${ports.public}`,
        findAddresses: async () => [...known],
        open: (host) =>
          connectBySharedKey({ host, port: ports.control }, deriveSharedKey(ownKey, 'steering of edges')),
        fence,
        leads,
        log: { info: () => undefined, warn: () => undefined },
        times: { lookEveryMs: 20, retryMs: 20, ...times },
      })
      connections.push(edges)
      return edges
    },
    forget: (n) => void known.delete(`127.0.0.${n}`),
    async dispose() {
      for (const connection of connections) await connection.close()
      for (const edge of running) await edge.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startOne(
  { keyFile, ports }: { keyFile: string; ports: TestEdges['ports'] },
  n: number,
  times: Partial<EdgeTimes>,
): Promise<TestExternalEdge> {
  const address = `127.0.0.${n}`
  const config: ExternalEdgeConfig = {
    host: address,
    port: ports.public,
    publicUrl: `http://127.0.0.1:${ports.public}`,
    times: { reportEveryMs: 50, lingerMs: 50, ...times },
    external: { host: address, controlPort: ports.control, healthPort: ports.health, keyFile },
  }
  const child = spawn(process.execPath, [program, '-'], {
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: compileCachePath,
      ATRIUM_EDGE_CONFIG: JSON.stringify(config),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (piece: Buffer) => {
    log += piece.toString()
  })
  await waitForReadyLine(child, readyWithinMs)
  return {
    address,
    url: `http://${address}:${ports.public}`,
    process: child,
    readLog: () => log,
    async probe(path) {
      const answer = await fetch(`http://${address}:${ports.health}${path}`).catch(() => undefined)
      await answer?.body?.cancel()
      return answer?.status
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
