import { createHash } from 'node:crypto'
import { join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import { isLoopbackUrl } from '#config/loopback.ts'
import type { Config } from '#config/schema.ts'
import { createClusterAccounts } from '#identity/cluster-accounts.ts'
import { createSystemAccounts } from '#identity/system-accounts.ts'
import { createMunge } from '#scheduler/drivers/slurm/munge.ts'
import { createNodeDoor } from '#scheduler/drivers/slurm/node-door.ts'
import { createOwnerChoices } from '#scheduler/drivers/slurm/owner-choices.ts'
import type { SlurmSchedulerConfig } from '#scheduler/drivers/slurm/slurm-config.ts'
import { createSlurmScheduler, type SlurmScheduler } from '#scheduler/drivers/slurm/slurm-scheduler.ts'
import { createLaunchSource } from '#scheduler/job-launch.ts'
import { createPlacementNewsroom } from '#scheduler/placement-news.ts'
import { createPlacementStore } from '#scheduler/placement-store.ts'
import { createAccountHomes } from '#storage/homes.ts'

import { ensureKey } from './data-folder.ts'
import type { JobDriverOptions, JobDrivers } from './job-drivers.ts'
import { findLoopbackUrl } from './local-driver.ts'
import { installClientPackage, installNodePackage } from './node-package.ts'
import { openServiceDriver } from './service-driver.ts'
import { ensureSharedFolder, getSharedFolder, type SharedFolder } from './shared-folder.ts'
import { buildSlurmCommands, createSlurmClient } from './slurm-client.ts'

export type SlurmSection = Config['scheduler']['slurm']

const callTimeoutMs = 20_000
const everyAddress = '0.0.0.0'
/** Workers of a cluster: Slurm's own limits come first. */
const maximumWorkers = 1000

/** Users' jobs run on a Slurm cluster as the cluster's own users; what the platform needs for itself runs on this machine. */
export async function openSlurmDrivers(options: JobDriverOptions): Promise<JobDrivers> {
  const { start, store, log } = options
  const section = start.config.scheduler.slurm
  const shared = await ensureSharedFolder(getSharedFolder(start.config))
  const config = await buildSchedulerConfig(section, shared, options)
  const { scheduler, nodeDoor, close } = connect(section, config, options)
  const local = await openServiceDriver(options)
  log.info({ hub_url: config.hubUrl, shared: section.shared }, 'jobs run on a Slurm cluster')
  return {
    schedulers: { [scheduler.driver]: scheduler, ...(local === undefined ? {} : { [local.driver]: local }) },
    defaultDriver: scheduler.driver,
    accounts: createClusterAccounts({ store, system: createSystemAccounts() }),
    homes: createAccountHomes(),
    // The site's own, as its accounts are.
    groups: undefined,
    homeStorage: undefined,
    servers: {
      hubUrl: config.hubUrl,
      bindHost: everyAddress,
      warmStart: start.config.servers.warmStart,
      environmentPrefix: start.environmentPrefix,
      clientFolder: await installClientPackage(shared.node, config.python),
    },
    services: {
      hubUrl: findLoopbackUrl(options.publicUrl, start),
      ...(local === undefined ? {} : { driver: local.driver }),
    },
    clusters: { maximumWorkers },
    nodeDoor,
    preload: () => Promise.resolve(),
    endHelpers: async () => local?.shutdownAgent({ signal: AbortSignal.timeout(callTimeoutMs) }),
    async close() {
      close()
      await scheduler.close()
      await local?.close()
    },
  }
}

/** The driver, the door where its jobs fetch themselves, and the news that go from there to whoever watches over them. */
function connect(section: SlurmSection, config: SlurmSchedulerConfig, options: JobDriverOptions) {
  const { store, box, clock, log } = options
  const placements = createPlacementStore(store)
  const launches = createLaunchSource({ store, box })
  const newsroom = createPlacementNewsroom(store, (error) =>
    log.warn({ err: error }, 'news of a job could not be passed on'),
  )
  const scheduler: SlurmScheduler = createSlurmScheduler(config, {
    client: createSlurmClient(section, { callTimeoutMs, log }),
    choices: createOwnerChoices(buildSlurmCommands(section, callTimeoutMs), clock),
    ...{ placements, launches, clock, log },
  })
  const unsubscribe = newsroom.subscribe((key, news) => scheduler.heard(key, news))
  const nodeDoor = createNodeDoor({
    ...{ launches, placements, clock, log },
    munge: createMunge({ ...(section.mungeSocket === undefined ? {} : { socket: section.mungeSocket }) }),
    logPath: (key) => scheduler.logPath(key),
    ...(section.ports === undefined ? {} : { portRange: section.ports }),
    ...(section.commands === undefined ? {} : { srun: join(section.commands, 'srun') }),
    mpi: section.mpi,
    heard: (key, news) => newsroom.tell(key, news),
  })
  return { scheduler, nodeDoor, close: unsubscribe }
}

async function buildSchedulerConfig(
  section: SlurmSection,
  shared: SharedFolder,
  { start, python, publicUrl }: JobDriverOptions,
): Promise<SlurmSchedulerConfig> {
  const hubUrl = chooseHubUrl(section, publicUrl)
  const logKey = await ensureKey(start.data, 'slurm-logs.key')
  const { certificates, mungeSocket, defaults } = section
  const nodePython = section.python ?? python
  return {
    instance: createHash('sha256').update(logKey).digest('hex').slice(0, 12),
    python: nodePython,
    nodePackage: await installNodePackage(shared.node, nodePython),
    hubUrl,
    hubUid: process.getuid?.() ?? 0,
    ...(certificates === undefined ? {} : { hubCertificates: certificates }),
    ...(mungeSocket === undefined ? {} : { mungeSocket }),
    logFolder: shared.logs,
    logKey,
    callTimeoutMs,
    defaults,
  }
}

/** Throws `bad_request` when nodes could not reach it. `publicUrl`: the edge's. */
export function chooseHubUrl(section: SlurmSection, publicUrl: string): string {
  const url = (section.hubUrl ?? publicUrl).replace(/\/$/, '')
  if (!isLoopbackUrl(url)) return url
  throw new PlatformError('bad_request', {
    message: `Compute nodes cannot reach the platform at ${url}. Set scheduler.slurm.hubUrl to an address of this machine that they reach, and edge.host to the same or to 0.0.0.0.`,
  })
}
