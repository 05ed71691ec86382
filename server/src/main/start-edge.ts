import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, extname, join, resolve } from 'node:path'

import { parseByteSize } from '#config/units.ts'
import { createBuiltinEdge, type WatchedEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import type { EdgeConfig, ServingConfig } from '#edge/drivers/builtin/edge-config.ts'
import { ensureEdgeProcess } from '#edge/drivers/builtin/ensure-edge-process.ts'
import type { Logger } from '#platform/log.ts'

import { type EdgePushes, findExternalEdges } from './external-edges.ts'
import type { StartOptions } from './start-options.ts'

/** The edge's control socket in a data folder. */
export function findEdgeSocket({ data }: Pick<StartOptions, 'data'>): string {
  return join(data.run, 'edge.sock')
}

/** Connects to the edge, which outlives this process; one that runs beside it is started unless it runs. */
export async function startEdge(
  options: StartOptions,
  deps: EdgePushes & { log: Logger },
): Promise<WatchedEdge> {
  if (options.config.edge.external !== undefined) return findExternalEdges(options, deps)
  const { data } = options
  const config = buildEdgeConfig(options, await choosePort(options))
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

function buildEdgeConfig(options: StartOptions, port: number): EdgeConfig {
  return { ...buildServingConfig(options, port), controlSocketPath: findEdgeSocket(options) }
}

/** What the configuration says of any edge. */
export function buildServingConfig(options: StartOptions, port: number): ServingConfig {
  const { config, host } = options
  const { publicUrl, tls, trustedProxies, maxUpload } = config.edge
  return {
    host,
    port,
    trustedProxies,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(maxUpload === undefined ? {} : { limits: { maxServerBodyBytes: parseByteSize(maxUpload) } }),
    ...(tls === undefined ? {} : { tls: { certificate: resolve(tls.certificate), key: resolve(tls.key) } }),
  }
}

/**
 * A free port is chosen once for a data folder: an edge that has to be started again must be found where users' servers and browsers know it.
 */
async function choosePort({ data, host, port }: StartOptions): Promise<number> {
  if (port !== 0) return port
  const file = join(data.run, 'edge-port')
  const known = Number(await readFile(file, 'utf8').catch(() => ''))
  if (Number.isInteger(known) && known > 0) return known
  const chosen = await findFreePort(host)
  await writeFile(file, `${chosen}\n`, { mode: 0o600 })
  return chosen
}

function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(new Error('the system gave no port'))
      })
    })
  })
}

/** Beside the program that runs now: both as sources, or both from the bundle. */
function findEdgeProgram(): string {
  const [, program = ''] = process.argv
  return join(dirname(program), `edge${extname(program)}`)
}
