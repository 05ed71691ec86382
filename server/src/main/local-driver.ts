import { existsSync } from 'node:fs'
import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import { parseByteSize } from '#config/units.ts'
import { schedulerEntry } from '#dask/cluster-jobs.ts'
import { createSystemAccounts } from '#identity/system-accounts.ts'
import { createUnixAccounts } from '#identity/unix-accounts.ts'
import { buildLocalConfig } from '#scheduler/drivers/local/local-config.ts'
import { createLocalScheduler, type LocalScheduler } from '#scheduler/drivers/local/local-scheduler.ts'
import { createHomes } from '#storage/homes.ts'

import type { DataFolder } from './data-folder.ts'
import { createFolderStorage } from './home-spaces.ts'
import type { JobDriverOptions, JobDrivers } from './job-drivers.ts'
import { installClientPackage } from './node-package.ts'
import { createLocalGroups } from './owner-groups.ts'
import type { StartOptions } from './start-options.ts'

/** Uids for users whom the machine does not know; above those that login.defs(5) hands out, below containers'. */
const ownUids = { first: 20_000, last: 59_999 }
const preloadMs = 60_000
const lookAgainMs = 200
/** Workers of a cluster on a small machine: enough to try things out, and it still answers. */
const leastMaximum = 8
const endAgentMs = 5000

/** Where the node agent of a data folder listens. */
export function findAgentSocket(data: DataFolder): string {
  return join(data.run, 'agent.sock')
}

/** The driver of this machine, with its agent in a data folder. */
export function createLocalDriver(
  data: DataFolder,
  python: string,
  settings: { jobProcesses?: number } = {},
): LocalScheduler {
  return createLocalScheduler(
    buildLocalConfig({
      ...settings,
      python,
      dataDir: data.root,
      socketPath: findAgentSocket(data),
      agentLogPath: join(data.logs, 'agent.log'),
    }),
  )
}

/** Everything runs on this machine. */
export async function openLocalDrivers(options: JobDriverOptions): Promise<JobDrivers> {
  const { start, store } = options
  const { config, data } = start
  const scheduler = createLocalDriver(data, options.python, { jobProcesses: config.servers.processes })
  const hubUrl = findLoopbackUrl(options.publicUrl, start)
  const isRoot = process.getuid?.() === 0
  return {
    schedulers: { [scheduler.driver]: scheduler },
    defaultDriver: scheduler.driver,
    accounts: createUnixAccounts({
      store,
      system: createSystemAccounts(),
      self: { login: userInfo().username, shell: userInfo().shell ?? '/bin/sh' },
      ...(isRoot ? { uids: ownUids } : {}),
    }),
    homes: createHomes({ root: data.homes }),
    homeStorage: createFolderStorage({
      clock: options.clock,
      pathOf: (login) => findLocalHome(data, login, isRoot),
      sizeBytes: config.storage.homeSize === undefined ? undefined : parseByteSize(config.storage.homeSize),
    }),
    groups: isRoot && config.storage.groups ? createLocalGroups({ store, root: data.root }) : undefined,
    servers: {
      hubUrl,
      bindHost: '127.0.0.1',
      warmStart: config.servers.warmStart,
      environmentPrefix: start.environmentPrefix,
      clientFolder: await installClientPackage(data.python, options.python),
    },
    services: { hubUrl },
    clusters: { maximumWorkers: Math.max(leastMaximum, 2 * availableParallelism()) },
    nodeDoor: undefined,
    async preload() {
      if (config.servers.warmStart) await preload(scheduler, options)
    },
    endHelpers: () => scheduler.shutdownAgent({ signal: AbortSignal.timeout(endAgentMs) }),
    close: () => scheduler.close(),
  }
}

/** An account of the machine's has a home of its own, the others' are ours. */
async function findLocalHome(data: DataFolder, login: string, isRoot: boolean): Promise<string> {
  const own = join(data.homes, login)
  if (!isRoot || existsSync(own)) return own
  return (await createSystemAccounts().find(login))?.home ?? own
}

/** Notebook servers first: what a person waits for is not to share the processor with what nobody has asked for yet. */
async function preload(scheduler: LocalScheduler, { start, log }: JobDriverOptions): Promise<void> {
  const prefix = start.environmentPrefix
  try {
    const signal = AbortSignal.timeout(preloadMs)
    await scheduler.preload(prefix, { signal })
    if (!start.config.dask.enabled) return
    while (await isLoading(scheduler, signal)) await setTimeout(lookAgainMs, undefined, { signal })
    await scheduler.preload(prefix, { entry: schedulerEntry, signal })
  } catch (error) {
    log.warn({ err: error, prefix }, 'the environment could not be preloaded; servers start cold')
  }
}

async function isLoading(scheduler: LocalScheduler, signal: AbortSignal): Promise<boolean> {
  return (await scheduler.status({ signal })).warm.some(({ state }) => state === 'loading')
}

/** Where jobs on this machine reach the edge: by loopback, whatever name browsers use. `publicUrl`: the edge's. */
export function findLoopbackUrl(publicUrl: string, { config, host }: StartOptions): string {
  if (config.edge.publicUrl === undefined && config.edge.tls === undefined)
    return publicUrl.replace('//0.0.0.0', '//127.0.0.1')
  return config.edge.publicUrl?.replace(/\/$/, '') ?? publicUrl.replace(`//${host}`, '//localhost')
}
