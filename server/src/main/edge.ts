/**
 * The edge process: `edge.ts CONFIG`, where CONFIG is a file, or `-` for the text in ATRIUM_EDGE_CONFIG. It says on standard output, in one
 * JSON line, that it serves or why it does not, and logs to standard error. SIGTERM stops it; SIGHUP starts a successor from the program and
 * configuration as they are on disk now, unless it is one edge among others.
 */
import { readFileSync } from 'node:fs'

import { createSocketDoor } from '#edge/drivers/builtin/control-door.ts'
import {
  type EdgeConfig,
  type ExternalEdgeConfig,
  isExternal,
  parseEdgeConfig,
  readEdgeConfig,
} from '#edge/drivers/builtin/edge-config.ts'
import {
  type EdgeLog,
  type EdgeProcess,
  type EdgeProcessOptions,
  startEdgeProcess,
} from '#edge/drivers/builtin/edge-process.ts'
import { compileFlag, environmentFlag, successorFlag } from '#edge/drivers/builtin/edge-program-flags.ts'
import { describeStartFailure } from '#edge/drivers/builtin/edge-start-failure.ts'
import type { ReadyLine } from '#edge/drivers/builtin/ready-line.ts'
import { receiveInheritance, startSuccessor } from '#edge/drivers/builtin/successor.ts'
import { systemClock } from '#platform/clock.ts'

async function main(): Promise<void> {
  const [configPath = '', flag] = process.argv.slice(2)
  if (configPath === compileFlag) return
  const config =
    configPath === environmentFlag
      ? parseEdgeConfig(process.env['ATRIUM_EDGE_CONFIG'] ?? '')
      : readEdgeConfig(configPath)
  const log = createLineLog()
  const common = { clock: systemClock, log, onExit: () => process.exit(0) }
  const edge = isExternal(config)
    ? await startExternal(config, common)
    : await startForOwnMachine(config, common, flag === successorFlag)
  // One exchange gone wrong must not end everybody's websockets: what belongs to it is cut with its connections.
  process.on('uncaughtException', (error) => log.warn({ error: error.stack }, 'unexpected error; serving on'))
  process.on('SIGTERM', () => void edge.stop())
  process.on('SIGINT', () => void edge.stop())
  process.on('SIGHUP', () => {
    edge
      .handOver()
      .catch((error: Error) => log.warn({ reason: error.message }, 'no successor came up; serving on'))
  })
  say({ ready: { pid: process.pid, port: edge.port } })
}

type Common = Pick<EdgeProcessOptions, 'clock' | 'log' | 'onExit'>

/** Steered by control planes of this machine, and replaced by a successor in place. */
async function startForOwnMachine(
  config: EdgeConfig,
  common: Common,
  isSuccessor: boolean,
): Promise<EdgeProcess> {
  const { controlSocketPath } = config
  const inheritance = isSuccessor ? { inheritance: await receiveInheritance() } : {}
  return startEdgeProcess({
    ...common,
    config,
    door: createSocketDoor(controlSocketPath),
    succession: { controlSocketPath, startSuccessor, ...inheritance },
  })
}

/** One edge among others, steered from anywhere by who has the key. What it needs besides is loaded here, since other edges do not. */
async function startExternal(config: ExternalEdgeConfig, common: Common): Promise<EdgeProcess> {
  const { host, controlPort, healthPort, keyFile } = config.external
  const [{ createKeyDoor }, { deriveSharedKey }, { readKey }, { listenForProbes }] = await Promise.all([
    import('#edge/drivers/builtin/key-door.ts'),
    import('#platform/shared-key-tls.ts'),
    import('#platform/key-file.ts'),
    import('#platform/health-server.ts'),
  ])
  const key = readKey(keyFile, readFileSync(keyFile))
  let edge: EdgeProcess | undefined
  await listenForProbes({ host, port: healthPort, isReady: () => edge?.isReady ?? false })
  edge = await startEdgeProcess({
    ...common,
    config,
    door: createKeyDoor({ host, port: controlPort, key: deriveSharedKey(key, 'steering of edges') }),
    controlPlaneKey: deriveSharedKey(key, 'requests to control planes'),
  })
  return edge
}

/** pino's lines without pino, which alone would cost a tenth of the process. */
function createLineLog(): EdgeLog {
  const write = (level: number, fields: object, msg: string) => {
    process.stderr.write(`${JSON.stringify({ level, time: Date.now(), name: 'edge', ...fields, msg })}\n`)
  }
  return {
    info: (fields, message) => write(30, fields, message),
    warn: (fields, message) => write(40, fields, message),
  }
}

function say(line: ReadyLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

main().catch((error: NodeJS.ErrnoException) => {
  say({ error: { code: error.code ?? 'INVALID', message: describeStartFailure(error) } })
  process.exit(1)
})
