import { hostname } from 'node:os'
import { join } from 'node:path'

import { createLogger, type Logger } from '#platform/log.ts'

import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { claimControlSocket, findControlSocket, isSocketAlive } from './control-socket.ts'
import { ensureDataFolder } from './data-folder.ts'
import { endEdge, endIdleAgent, stopJobs } from './end-platform.ts'
import { createFirstLink } from './first-link.ts'
import { findTokenFile } from './local-administrator.ts'
import { writePlatformFile } from './platform-file.ts'
import { reportFailure } from './report-failure.ts'
import { ensureEnvironment } from './set-up.ts'
import { ensureSharedFolder, getSharedFolder } from './shared-folder.ts'
import { readStartOptions, type StartOptions } from './start-options.ts'
import { version } from './version.ts'

/** The first control plane of a machine: its successor is itself, so it takes over from a dead one at once. */
const replicaId = 'main'

/** How much of the platform ends with this process. */
export type ControlPlaneMode =
  /** `atrium up`: the edge too, so that the port is free. */
  | 'up'
  /** `atrium serve`: this control plane alone. */
  | 'serve'

/** Runs a control plane in this process until it is told to end. What people can mend is said in a sentence. */
export async function runControlPlane(mode: ControlPlaneMode): Promise<void> {
  try {
    await run(process.argv.slice(2), mode)
  } catch (error) {
    reportFailure(error, { json: process.argv.includes('--json') })
  }
}

async function run(args: readonly string[], mode: ControlPlaneMode): Promise<void> {
  const start = await readStartOptions(args, process.env)
  const log = createLogger({
    name: 'atrium',
    level: start.json ? start.config.log.level : quieter(start.config.log.level),
    forPeople: !start.json,
  })
  await ensureDataFolder(start.data)
  const place = await claimPlace(start, mode)
  // The environment may be in it.
  if (start.config.scheduler.driver === 'slurm') await ensureSharedFolder(getSharedFolder(start.config))
  const python = await ensureEnvironment(start, log)
  const ending = createEnding(start, log)
  const platform = await startControlPlane({
    start,
    ...place,
    python,
    environment: process.env,
    log,
    shutDown: ({ servers, proxy }) =>
      ending.begin((running) => stop(start, running, { servers, edge: proxy ?? mode === 'up' })),
  })
  ending.of(platform)
  if (place.socketPath === findControlSocket(start.data))
    await publishPlatformFile(start, platform, place.socketPath)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => ending.begin((running) => stop(start, running, { edge: mode === 'up' })))
  }
  process.on('SIGHUP', () => ending.begin(restart))
  await announce(start, platform)
}

/**
 * The first control plane of a data folder has its place; on PostgreSQL there may be more beside it, and on other machines, where each has a
 * data folder of its own: what is started again there under the same name (a pod's container) is the same replica.
 */
async function claimPlace(
  { config, data, listen }: StartOptions,
  mode: ControlPlaneMode,
): Promise<{ replica: string; socketPath: string }> {
  const isShared = config.store.url !== undefined || config.store.urlFile !== undefined
  const elsewhere = isShared && listen !== undefined ? `${hostname()} ${listen}` : undefined
  if (mode === 'serve' && isShared && (await isSocketAlive(findControlSocket(data)))) {
    const replica = elsewhere ?? `${hostname()}-${process.pid}`
    return { replica, socketPath: join(data.run, `hub-${process.pid}.sock`) }
  }
  return { replica: elsewhere ?? replicaId, socketPath: await claimControlSocket(data) }
}

async function publishPlatformFile(
  start: StartOptions,
  platform: ControlPlane,
  controlSocket: string,
): Promise<void> {
  await writePlatformFile(start.data, {
    version,
    pid: process.pid,
    publicUrl: platform.edge.publicUrl,
    controlSocket,
    driver: platform.drivers.defaultDriver,
    tokenFile: findTokenFile(start.data),
    pids: { controlPlane: process.pid, ...(await findPids(start, platform)) },
  })
}

/** People see warnings; machines see what the configuration asks for. */
function quieter(level: string): string {
  return level === 'info' ? 'warn' : level
}

/** Edges that run by themselves are no processes of ours. */
async function findPids({ config }: StartOptions, platform: ControlPlane): Promise<Record<string, number>> {
  if (config.edge.external !== undefined) return {}
  const { pid } = await platform.edge.status()
  return { edge: pid }
}

async function announce(start: StartOptions, platform: ControlPlane): Promise<void> {
  const url = platform.edge.publicUrl
  // Who reads the log of a service among many is not always an administrator, who has `atrium user invite --admin`.
  const signInLink = start.listen === undefined ? await createFirstLink(platform) : undefined
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

/** The process ends once, whoever asks first. */
function createEnding(start: StartOptions, log: Logger) {
  let platform: ControlPlane | undefined
  let hasBegun = false
  return {
    of(running: ControlPlane) {
      platform = running
    },
    begin(action: (running: ControlPlane) => Promise<void>) {
      if (hasBegun || platform === undefined) return
      hasBegun = true
      action(platform).catch((error: unknown) => {
        log.error({ err: error, data: start.data.root }, 'the platform did not end cleanly')
        process.exit(1)
      })
    },
  }
}

interface StopOptions {
  /** Users' servers too. Default: they run on. */
  servers?: boolean | undefined
  edge: boolean
}

async function stop(
  start: StartOptions,
  platform: ControlPlane,
  { servers = false, edge }: StopOptions,
): Promise<void> {
  if (servers) {
    // Users' servers while the hub still takes their routes away; services without it, as it would start them again.
    await stopJobs(platform.jobs, platform.store, 'users')
    await platform.hub.close()
    await stopJobs(platform.jobs, platform.store, 'all')
  }
  const left = await platform.jobs.list({ active: true }).catch(() => undefined)
  if (servers) await platform.drivers.endHelpers()
  await platform.close()
  if (edge) {
    await endIdleAgent(start.data, join(start.platformPrefix, 'bin', 'python')).catch(() => {})
    await endEdge(start.data)
  }
  if (!start.json) console.log(`\n${describeEnd(left?.length)}`)
  process.exit(0)
}

/** `left`: jobs that run on; undefined when the store could not say. */
function describeEnd(left: number | undefined): string {
  if (left === 0) return 'Stopped. No server of a user was running.'
  const who = left === undefined ? 'Users’ servers run' : left === 1 ? '1 server runs' : `${left} servers run`
  return `Stopped. ${who} on: the next start finds them again; \`npx atrium down --all\` stops them too.`
}

/** The same process goes on with the program as it is on disk now; the edge holds requests meanwhile. */
async function restart(platform: ControlPlane): Promise<void> {
  await platform.close()
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve?.(process.execPath, argv, { ...process.env } as Record<string, string>)
}
