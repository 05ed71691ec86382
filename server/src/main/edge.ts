/**
 * The edge process: `edge.ts CONFIG`. It says on standard output, in one JSON line, that it serves or why it does not, and logs to
 * standard error. SIGTERM stops it; SIGHUP starts a successor from the program and configuration as they are on disk now.
 */
import { readEdgeConfig } from '#edge/drivers/builtin/edge-config.ts'
import { type EdgeLog, startEdgeProcess } from '#edge/drivers/builtin/edge-process.ts'
import { compileFlag, successorFlag } from '#edge/drivers/builtin/edge-program-flags.ts'
import { describeStartFailure } from '#edge/drivers/builtin/edge-start-failure.ts'
import type { ReadyLine } from '#edge/drivers/builtin/ready-line.ts'
import { receiveInheritance, startSuccessor } from '#edge/drivers/builtin/successor.ts'
import { systemClock } from '#platform/clock.ts'

async function main(): Promise<void> {
  const [configPath = '', flag] = process.argv.slice(2)
  if (configPath === compileFlag) return
  const config = readEdgeConfig(configPath)
  const isSuccessor = flag === successorFlag
  const log = createLineLog()
  const edge = await startEdgeProcess({
    config,
    clock: systemClock,
    log,
    ...(isSuccessor ? { inheritance: await receiveInheritance() } : {}),
    startSuccessor,
    onExit: () => process.exit(0),
  })
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
