import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { type BuiltinEdge, createBuiltinEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import type { EdgeConfig } from '#edge/drivers/builtin/edge-config.ts'
import { ensureEdgeProcess } from '#edge/drivers/builtin/ensure-edge-process.ts'
import type { Logger } from '#platform/log.ts'

import type { StartOptions } from './start-options.ts'

/** The edge's control socket in a data folder. */
export function findEdgeSocket({ data }: Pick<StartOptions, 'data'>): string {
  return join(data.run, 'edge.sock')
}

/** Starts the edge unless it runs, and connects to it; it outlives this process. */
export function startEdge(
  options: StartOptions,
  deps: { fence: () => number; log: Logger },
): Promise<BuiltinEdge> {
  const { data } = options
  const config = buildEdgeConfig(options)
  const files = {
    program: findEdgeProgram(),
    configPath: join(data.run, 'edge.json'),
    logPath: join(data.logs, 'edge.log'),
    compileCachePath: join(data.run, 'compile-cache'),
  }
  return createBuiltinEdge({
    controlSocketPath: config.controlSocketPath,
    fence: deps.fence,
    ensureRunning: () => ensureEdgeProcess(config, files),
    log: deps.log,
  })
}

function buildEdgeConfig(options: StartOptions): EdgeConfig {
  const { config, host, port } = options
  const { publicUrl, tls, trustedProxies } = config.edge
  return {
    host,
    port,
    trustedProxies,
    controlSocketPath: findEdgeSocket(options),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(tls === undefined ? {} : { tls: { certificate: resolve(tls.certificate), key: resolve(tls.key) } }),
  }
}

/** Beside this program: as source, or as bundle. */
function findEdgeProgram(): string {
  const bundled = join(import.meta.dirname, 'edge.mjs')
  return existsSync(bundled) ? bundled : join(import.meta.dirname, 'edge.ts')
}
