import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { createCommandClient } from '@atrium/server/scheduler/drivers/slurm/command-client.ts'
import { createOwnerCommands } from '@atrium/server/scheduler/drivers/slurm/helper-call.ts'
import { createMunge } from '@atrium/server/scheduler/drivers/slurm/munge.ts'
import { createNodeDoor, type SrunMpi } from '@atrium/server/scheduler/drivers/slurm/node-door.ts'
import type { SlurmClient } from '@atrium/server/scheduler/drivers/slurm/slurm-client.ts'
import type { SlurmSchedulerConfig } from '@atrium/server/scheduler/drivers/slurm/slurm-config.ts'
import {
  createSlurmScheduler,
  type SlurmScheduler,
} from '@atrium/server/scheduler/drivers/slurm/slurm-scheduler.ts'
import type { JobKey, JobOwner, JobSpec } from '@atrium/server/scheduler/job.ts'
import {
  createMemoryPlacements,
  type JobPlacements,
  type LaunchSource,
} from '@atrium/server/scheduler/job-placement.ts'
import { findNodeCredential, type NodeDoor } from '@atrium/server/scheduler/node-door.ts'

import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'

/** What every host of the test cluster has. */
export const nodePython = '/usr/bin/python3'
const root = join(import.meta.dirname, '..', '..')
const callTimeoutMs = 5000

/** The driver on a real cluster, with a door for its jobs, without the rest of a control plane. */
export interface DriverSite {
  scheduler: SlurmScheduler
  placements: JobPlacements
  client: SlurmClient
  owner: JobOwner
  /** Seen by all hosts, the owner's. */
  workingDirectory: string
  /** Jobs that this site knows: those it submitted. */
  known: Map<JobKey, JobSpec>
  /** Another driver on the same cluster with the same records, as after a restart. */
  open(): SlurmScheduler
  /** Jobs of the site that are left are ended. */
  dispose(): Promise<void>
}

export interface DriverSiteOptions {
  /** Stands between the driver and Slurm. */
  wrapClient?: (client: SlurmClient) => SlurmClient
  /** Default alice. */
  user?: string
  /** Where jobs' specs and reports are kept. Default: in memory, with what was submitted here. */
  /** How srun starts tasks, by their MPI. */
  mpi?: SrunMpi
  records?: { placements: JobPlacements; launches: LaunchSource }
}

export async function createDriverSite(
  cluster: SlurmCluster,
  { wrapClient = (client) => client, user = 'alice', mpi, records }: DriverSiteOptions = {},
): Promise<DriverSite> {
  const { dir, owner } = makeFolders(cluster, user)
  const known = new Map<JobKey, JobSpec>()
  const placements = records?.placements ?? createMemoryPlacements()
  const opened: SlurmScheduler[] = []
  const door = createServer()
  const port = await listen(door, cluster.controlAddress)
  const config = buildConfig(cluster, dir, `http://${cluster.controlAddress}:${port}`)
  const client = wrapClient(buildClient(cluster, dir))
  const launches = records?.launches ?? { findLaunch: async (key: JobKey) => known.get(key) }

  const open = () => {
    const options = { client, placements, launches, clock: systemClock, log: createSilentLogger() }
    const scheduler = createSlurmScheduler(config, options)
    opened.unshift(scheduler)
    const submit: SlurmScheduler['submit'] = (specs, waiting) => {
      for (const spec of specs) if (!known.has(spec.key)) known.set(spec.key, spec)
      return scheduler.submit(specs, waiting)
    }
    return { ...scheduler, submit }
  }
  const scheduler = open()
  serve(
    door,
    createNodeDoor({
      launches,
      placements,
      munge: createMunge({ socket: cluster.mungeSocket }),
      ...(mpi === undefined ? {} : { mpi }),
      logPath: (key) => scheduler.logPath(key),
      heard: (key, news) => opened[0]?.heard(key, news),
      clock: systemClock,
      log: createSilentLogger(),
    }),
  )
  return {
    scheduler,
    placements,
    client,
    owner,
    workingDirectory: join(dir, 'work'),
    known,
    open,
    async dispose() {
      try {
        await endJobs(open())
      } finally {
        for (const one of opened) await one.close()
        door.closeAllConnections()
        door.close()
        rmSync(dir, { recursive: true, force: true })
      }
    },
  }
}

async function endJobs(scheduler: SlurmScheduler): Promise<void> {
  const signal = AbortSignal.timeout(20_000)
  const list = () => scheduler.list({ signal })
  await scheduler.cancel(await list(), { graceMs: 0, signal })
  await waitFor('the jobs of the site to end', async () => (await list()).length === 0)
}

function makeFolders(cluster: SlurmCluster, user: string): { dir: string; owner: JobOwner } {
  const { uid, gid, home } = getUnixAccount(user)
  const dir = mkdtempSync(join(cluster.dir, 'site-'))
  chmodSync(dir, 0o755)
  for (const folder of ['work', 'logs']) mkdirSync(join(dir, folder))
  chownSync(join(dir, 'work'), uid, gid)
  chmodSync(join(dir, 'logs'), 0o3733)
  cpSync(join(root, 'python', 'src', 'atrium_node'), join(dir, 'node', 'atrium_node'), { recursive: true })
  return { dir, owner: { name: user, login: user, uid, gid, gids: [], home } }
}

function buildConfig(cluster: SlurmCluster, dir: string, hubUrl: string): SlurmSchedulerConfig {
  return {
    instance: `t${randomBytes(6).toString('hex')}`,
    python: nodePython,
    nodePackage: join(dir, 'node', 'atrium_node'),
    hubUrl,
    hubUid: process.getuid?.() ?? 0,
    mungeSocket: cluster.mungeSocket,
    logFolder: join(dir, 'logs'),
    logKey: randomBytes(32),
    callTimeoutMs,
    defaults: {},
  }
}

function buildClient(cluster: SlurmCluster, dir: string): SlurmClient {
  const helperConfig = join(dir, 'slurm-helper.conf')
  writeFileSync(helperConfig, `slurm_conf = ${cluster.env.SLURM_CONF}\n`)
  const argv = [join(root, 'deploy', 'slurm', 'atrium-slurm-helper'), '--config', helperConfig]
  return createCommandClient(
    { configFile: cluster.env.SLURM_CONF, timeoutMs: callTimeoutMs },
    createOwnerCommands({ argv, timeoutMs: callTimeoutMs }),
  )
}

async function listen(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

/** As the platform's routes do. */
function serve(server: Server, door: NodeDoor): void {
  const answer = async (request: IncomingMessage): Promise<string> => {
    const asked = {
      body: await text(request),
      credential: findNodeCredential(request.headers.authorization),
      ...(request.socket.remoteAddress === undefined ? {} : { address: request.socket.remoteAddress }),
    }
    if (request.url === '/hub/api/jobs/launch') return await door.launch(asked)
    await door.report(asked)
    return '{}'
  }
  server.on('request', (request, response) => {
    answer(request).then(
      (body) => response.end(body),
      (error: unknown) => {
        response.statusCode = isPlatformError(error) ? error.status : 500
        response.end(String(error))
      },
    )
  })
}
