import { PlatformError } from '@atrium/contract/errors.ts'
import { ConfigError } from '#config/config-problem.ts'
import { stopEdgeProcess } from '#edge/drivers/builtin/ensure-edge-process.ts'
import { createLogger, type Logger } from '#platform/log.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { claimControlSocket } from './control-socket.ts'
import { ensureDataFolder } from './data-folder.ts'
import { createFirstLink } from './first-link.ts'
import { findTokenFile } from './local-administrator.ts'
import { removePlatformFile, writePlatformFile } from './platform-file.ts'
import { ensureEnvironment } from './set-up.ts'
import { findEdgeSocket } from './start-edge.ts'
import { readStartOptions, type StartOptions } from './start-options.ts'
import { version } from './version.ts'

/** The only control plane of a machine: its successor is itself, so it takes over from a dead one at once. */
const replicaId = 'main'

try {
  await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof PlatformError) && !isStartError(error))
    throw error
  console.error(`atrium: ${error.message}`)
  process.exit(1)
}

async function run(args: readonly string[]): Promise<void> {
  const start = await readStartOptions(args, process.env)
  const log = createLogger({
    name: 'atrium',
    level: start.json ? start.config.log.level : quieter(start.config.log.level),
  })
  await ensureDataFolder(start.data)
  const socketPath = await claimControlSocket(start.data)
  const python = await ensureEnvironment(start, log)
  const platform = await startControlPlane({
    start,
    socketPath,
    python,
    replica: replicaId,
    environment: process.env,
    log,
  })
  await writePlatformFile(start.data, {
    version,
    pid: process.pid,
    publicUrl: platform.edge.publicUrl,
    controlSocket: socketPath,
    tokenFile: findTokenFile(start.data),
    pids: { controlPlane: process.pid, ...(await findPids(platform)) },
  })
  listenForSignals(start, platform, log)
  await announce(start, platform)
}

/** People see warnings; machines see what the configuration asks for. */
function quieter(level: string): string {
  return level === 'info' ? 'warn' : level
}

async function findPids(platform: ControlPlane): Promise<Record<string, number>> {
  const { pid } = await platform.edge.status()
  return { edge: pid }
}

async function announce(start: StartOptions, platform: ControlPlane): Promise<void> {
  const url = platform.edge.publicUrl
  const signInLink = await createFirstLink(platform)
  if (start.json) {
    console.log(
      JSON.stringify({
        ready: true,
        url,
        pid: process.pid,
        ...(signInLink === undefined ? {} : { signInLink }),
      }),
    )
    return
  }
  console.log(`\nAtrium is ready: ${url}`)
  if (signInLink !== undefined)
    console.log(`Open this link to make the first administrator. It works once:\n\n  ${signInLink}\n`)
  console.log('Ctrl-C stops the platform; users’ servers run on.')
}

function listenForSignals(start: StartOptions, platform: ControlPlane, log: Logger): void {
  let isEnding = false
  const end = (action: () => Promise<void>) => {
    if (isEnding) return
    isEnding = true
    action().catch((error: unknown) => {
      log.error({ err: error }, 'the platform did not end cleanly')
      process.exit(1)
    })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => end(() => stop(start, platform)))
  process.on('SIGHUP', () => end(() => restart(platform)))
}

async function stop(start: StartOptions, platform: ControlPlane): Promise<void> {
  const running = await platform.scheduler.list({ signal: AbortSignal.timeout(2000) }).catch(() => [])
  await platform.close()
  await stopEdgeProcess(findEdgeSocket(start))
  await removePlatformFile(start.data)
  if (!start.json && running.length > 0) {
    console.log(
      `\n${running.length} jobs run on. \`atrium up\` finds them again; \`atrium down --all\` stops them.`,
    )
  }
  process.exit(0)
}

/** The same process goes on with the program as it is on disk now; the edge holds requests meanwhile. */
async function restart(platform: ControlPlane): Promise<void> {
  await platform.close()
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
  } as Record<string, string>)
}

function isStartError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'EdgeStartError'
}
