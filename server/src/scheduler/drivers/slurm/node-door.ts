import { createHash } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { createTurns } from '#platform/turns.ts'
import { countPrograms } from '#scheduler/count-programs.ts'
import type { JobKey, JobSpec } from '#scheduler/job.ts'
import type { JobPlacement, JobPlacements, LaunchSource } from '#scheduler/job-placement.ts'
import type { NodeDoor, NodeRequest } from '#scheduler/node-door.ts'
import type { PlacementNews } from '#scheduler/placement-news.ts'
import type { Munge } from './munge.ts'
import { type NodeReport, parseLaunchBody, parseReportBody } from './node-messages.ts'

export interface NodeDoorOptions {
  launches: LaunchSource
  placements: JobPlacements
  munge: Munge
  /** Where a job writes its output, on the node. */
  logPath(key: JobKey): string
  /** Bytes of output that are kept of a job. */
  logLimitBytes?: number
  /** Ports of nodes that jobs may listen on, both ends included. Absent: the launcher's choice. */
  portRange?: { first: number; last: number }
  /** srun(1) on nodes. Absent: looked for there. */
  srun?: string
  /** How srun(1) starts several tasks (`--mpi`), by their MPI. Absent: `pmix` and `pmi2`, and for others the cluster's default. */
  mpi?: SrunMpi
  heard(key: JobKey, what: PlacementNews): void
  clock: Clock
  log: Logger
}

/** Types of `srun --mpi=list`. */
export interface SrunMpi {
  openmpi?: string
  mpich?: string
  /** For tasks that do not say what they are. */
  other?: string
}

/** What each finds its ranks by in every build of it: seen with Open MPI 4.1 and 5.0, MPICH 4.0 and 5.0. */
const defaultMpi: SrunMpi = { openmpi: 'pmix', mpich: 'pmi2' }
const defaultLogLimitBytes = 32 * 2 ** 20
const userUmask = 0o077
const longestCredential = 4096
/** Every credential is a process for milliseconds, and nobody who sends one is known before. */
const turnsOfMunge = { atOnce: 8, mostWaiting: 2000 }

/** Believes munge credentials over the hash of each request, and answers jobs as credentials that only their owners can open. */
export function createNodeDoor(options: NodeDoorOptions): NodeDoor {
  const { placements, launches, munge, clock, log } = options
  const turns = createTurns(turnsOfMunge)

  /** The user who made the credential, for this very body. */
  async function authenticate({ body, credential }: NodeRequest): Promise<number> {
    if (credential === undefined || !credential.startsWith('MUNGE:') || credential.length > longestCredential)
      throw new PlatformError('unauthenticated', { message: 'There is no munge credential.' })
    const message = await (turns.take(() => munge.decode(credential)) ?? tooMany())
    if ('refused' in message) throw refuse(message.refused)
    if (message.payload !== createHash('sha256').update(body).digest('hex'))
      throw refuse('the credential is of another request')
    return message.uid
  }

  async function findPlacement(key: JobKey, uid: number): Promise<JobPlacement> {
    const placement = (await placements.read([key])).get(key)
    if (placement === undefined) throw new PlatformError('gone', { message: 'This job is not wanted.' })
    if (placement.uid !== uid) {
      log.warn({ key, uid }, 'a user asked for the job of another')
      throw new PlatformError('forbidden', { message: 'This is the job of another user.' })
    }
    return placement
  }

  /** Says once in the log why a node is not believed: its user can see no more than an exit status. */
  function refuse(why: string): PlatformError {
    log.warn({ why }, 'a node proved nothing')
    return new PlatformError('unauthenticated', { message: `The munge credential was refused: ${why}.` })
  }

  return {
    async launch(request) {
      const uid = await authenticate(request)
      const { key, claimant, node } = parseLaunchBody(request.body)
      await findPlacement(key, uid)
      const spec = await launches.findLaunch(key)
      if (spec === undefined || spec.owner.uid !== uid)
        throw new PlatformError('gone', { message: 'This job is not wanted.' })
      if (!(await placements.claim(key, claimant))) {
        log.info({ key, claimant, node }, 'a second job of the same key was told to end')
        throw new PlatformError('conflict', { message: 'Another job runs this.' })
      }
      const launch = JSON.stringify(buildLaunch(options, spec, claimant))
      const credential = await (turns.take(() => munge.encode(launch, { readerUid: uid })) ?? tooMany())
      log.debug({ key, claimant, node }, 'a node fetched its job')
      options.heard(key, 'started')
      return credential
    },

    async report(request) {
      const uid = await authenticate(request)
      const report = parseReportBody(request.body)
      const { key, claimant } = report
      const placement = await findPlacement(key, uid)
      if (placement.claimedBy !== claimant)
        throw new PlatformError('conflict', { message: 'Another job runs this.' })
      checkHost(report, request, log)
      await placements.record(new Map([[key, buildChange(report, clock.now())]]))
      const news = findNews(report)
      if (news !== undefined) options.heard(key, news)
    },
  }
}

function tooMany(): Promise<never> {
  return Promise.reject(new PlatformError('too_many_requests'))
}

/** What the launcher gets: see `atrium_node/slurm_child.py`. */
function buildLaunch(
  { logPath, logLimitBytes, portRange, srun, mpi }: NodeDoorOptions,
  spec: JobSpec,
  claimant: string,
) {
  const { key, command, environment, workingDirectory, ports, warm } = spec
  const tasks = countPrograms(spec)
  return {
    ...{ key, claimant, command, environment, workingDirectory, ports },
    tasks,
    ...(tasks === 1 ? {} : { mpi: spec.mpi, mpiTypes: { ...defaultMpi, ...mpi } }),
    umask: userUmask,
    log: { path: logPath(key), limitBytes: logLimitBytes ?? defaultLogLimitBytes },
    ...(warm === undefined ? {} : { warm }),
    ...(portRange === undefined ? {} : { portRange }),
    ...(srun === undefined ? {} : { srun }),
  }
}

/** A job must not send the platform's requests elsewhere than to the node that it really reports from. */
function checkHost({ key, host }: NodeReport, { address }: NodeRequest, log: Logger): void {
  if (host === undefined || address === undefined || host === address.replace(/^::ffff:/, '')) return
  // A proxy in between that the edge does not trust (edge.trustedProxies) looks like this, too.
  log.warn({ key, host, address }, 'a job says that it answers elsewhere than where it reports from')
  throw new PlatformError('bad_request', { message: 'A job answers on the node that it runs on.' })
}

function buildChange(report: NodeReport, nowMs: number): Partial<JobPlacement> {
  const { key: _, claimant: __, exit, ...change } = report
  return exit === undefined ? change : { ...change, exit: { ...exit, atMs: nowMs } }
}

/** Undefined for figures alone: whoever wants them reads them. */
function findNews({ exit, ports, oomKills }: NodeReport): PlacementNews | undefined {
  if (exit !== undefined) return 'ended'
  if (ports !== undefined) return 'ports'
  return oomKills === undefined ? undefined : 'memory'
}
