import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type BuiltinEdge, createBuiltinEdge } from '@atrium/server/edge/drivers/builtin/builtin-edge.ts'
import {
  ensureEdgeProcess,
  stopEdgeProcess,
} from '@atrium/server/edge/drivers/builtin/ensure-edge-process.ts'

/** Our edge, in its process, as `atrium up` starts it; it knows nothing yet. */
export async function startBenchEdge(): Promise<{ edge: BuiltinEdge; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-bench-edge-'))
  const config = { port: 0, controlSocketPath: join(folder, 'edge.sock') }
  const files = {
    program: fileURLToPath(import.meta.resolve('@atrium/server/main/edge.ts')),
    configPath: join(folder, 'edge.json'),
    logPath: join(folder, 'edge.log'),
    compileCachePath: join(folder, 'compiled'),
  }
  const edge = await createBuiltinEdge({
    controlSocketPath: config.controlSocketPath,
    fence: () => 0,
    ensureRunning: () => ensureEdgeProcess(config, files),
    log: { info: () => undefined, warn: () => undefined },
  })
  return {
    edge,
    async close() {
      await edge.close()
      await stopEdgeProcess(config.controlSocketPath)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
