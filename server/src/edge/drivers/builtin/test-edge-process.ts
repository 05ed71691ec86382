/** For tests: an edge in a process of its own, as in production, with all its files in a folder that goes with it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type BuiltinEdge, createBuiltinEdge } from './builtin-edge.ts'
import type { EdgeConfig } from './edge-config.ts'
import { type EdgeProcessFiles, ensureEdgeProcess, stopEdgeProcess } from './ensure-edge-process.ts'

export interface TestEdgeProcess {
  edge: BuiltinEdge
  config: EdgeConfig
  files: EdgeProcessFiles
  /** Connects another control plane. */
  connect(options?: { fence?: number }): Promise<BuiltinEdge>
  /** SIGKILL; the next attempt to connect starts a new one. */
  kill(): Promise<void>
  readLog(): string
  dispose(): Promise<void>
}

const program = fileURLToPath(import.meta.resolve('#main/edge.ts'))

/** Shared by all tests: starts are faster. */
const compileCachePath = join(tmpdir(), `atrium-test-compiled-${process.getuid?.()}`)

/** Starts one and connects to it. */
export async function startTestEdgeProcess(overrides: Partial<EdgeConfig> = {}): Promise<TestEdgeProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-edge-'))
  const config: EdgeConfig = {
    port: 0,
    controlSocketPath: join(folder, 'run', 'edge.sock'),
    times: { reportEveryMs: 50 },
    ...overrides,
  }
  const files: EdgeProcessFiles = {
    program,
    configPath: join(folder, 'run', 'edge.json'),
    logPath: join(folder, 'edge.log'),
    compileCachePath,
  }
  const connections: BuiltinEdge[] = []
  const connect = async ({ fence = 0 }: { fence?: number } = {}) => {
    const edge = await createBuiltinEdge({
      controlSocketPath: config.controlSocketPath,
      fence: () => fence,
      ensureRunning: () => ensureEdgeProcess(config, files),
      log: { info: () => undefined, warn: () => undefined },
    })
    connections.push(edge)
    return edge
  }
  const edge = await connect()
  return {
    edge,
    config,
    files,
    connect,
    async kill() {
      process.kill((await edge.status()).pid, 'SIGKILL')
    },
    readLog: () => readFileSync(files.logPath, 'utf8'),
    async dispose() {
      for (const connection of connections) await connection.close()
      await stopEdgeProcess(config.controlSocketPath)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
