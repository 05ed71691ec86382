import type { JobExit, Observation } from '#scheduler/job.ts'
import type { JobPlacement } from '#scheduler/job-placement.ts'
import { parseAllocatedUse } from './allocated-use.ts'
import { explainPending } from './pending-reasons.ts'
import { buildProgramExit } from './program-exit.ts'
import type { SlurmJob } from './slurm-client.ts'

/**
 * What each of Slurm's states means for a job, base states and flags alike (`slurm.h`: job_states; up to 22.05 a flag stands in the base
 * state's place, later ones are told beside it). The first of a job's words that is in the table decides, flags before base states.
 */
type Meaning = 'pending' | 'held' | 'booting' | 'running' | 'suspended' | 'ended' | 'beside'

const flags: Readonly<Record<string, Meaning>> = {
  // It has nodes that boot: waiting all the same, and none of the time in which a start must succeed.
  CONFIGURING: 'booting',
  POWER_UP_NODE: 'booting',
  // The program has ended or is being ended; what is left of it is cleared away.
  COMPLETING: 'running',
  STAGE_OUT: 'running',
  RESIZING: 'running',
  SIGNALING: 'running',
  STOPPED: 'suspended',
  REQUEUED: 'pending',
  REQUEUE_FED: 'pending',
  REQUEUE_HOLD: 'held',
  SPECIAL_EXIT: 'held',
  RESV_DEL_HOLD: 'held',
  // Runs on another cluster of the federation.
  REVOKED: 'ended',
  LAUNCH_FAILED: 'beside',
  RECONFIG_FAIL: 'beside',
  UPDATE_DB: 'beside',
  EXPEDITING: 'beside',
}

const baseStates: Readonly<Record<string, Meaning>> = {
  PENDING: 'pending',
  RUNNING: 'running',
  SUSPENDED: 'suspended',
  COMPLETED: 'ended',
  CANCELLED: 'ended',
  FAILED: 'ended',
  TIMEOUT: 'ended',
  NODE_FAIL: 'ended',
  PREEMPTED: 'ended',
  BOOT_FAIL: 'ended',
  DEADLINE: 'ended',
  OUT_OF_MEMORY: 'ended',
}

/** What is shown of a job beside its own state. */
export interface QueueContext {
  /** 1 is next among the pending jobs of its partition. */
  place?: number
  nowMs: number
}

/** True once nothing of it runs or will. */
export function hasEnded(job: SlurmJob): boolean {
  return findMeaning(job) === 'ended'
}

/** A job of the queue or of accounting, with what it reported itself. */
export function buildObservation(job: SlurmJob, placement: JobPlacement, context: QueueContext): Observation {
  const node = job.node === undefined ? {} : { node: job.node }
  switch (findMeaning(job)) {
    case 'pending':
      return buildPending(job, explainPending(job.reason), context)
    case 'held':
      return buildPending(
        job,
        'It is held after a failed start: an administrator of the cluster can release it.',
        context,
      )
    case 'booting':
      return buildPending(job, describeBoot(job), context)
    case 'suspended':
      return {
        ...buildRunning(job, placement, context),
        reason: 'Slurm has suspended it to let another job run. It goes on by itself.',
      }
    case 'ended':
      return buildEnded(job, placement)
    default:
      return placement.claimedBy === job.ref
        ? buildRunning(job, placement, context)
        : { state: 'starting', ...node }
  }
}

function findMeaning({ states }: SlurmJob): Meaning {
  const found = states.flatMap((state) => (Object.hasOwn(flags, state) ? (flags[state] ?? []) : []))
  const flag = found.find((meaning) => meaning !== 'beside')
  const base = states.find((state) => Object.hasOwn(baseStates, state))
  // A state of a version to come: what runs is left alone.
  return flag ?? (base === undefined ? 'running' : (baseStates[base] ?? 'running'))
}

function describeBoot({ node }: SlurmJob): string {
  return `Its node${node === undefined ? '' : ` (${node})`} is being started, which can take some minutes.`
}

function buildPending(job: SlurmJob, reason: string, { place, nowMs }: QueueContext): Observation {
  return {
    state: 'pending',
    reason,
    ...(job.startMs !== undefined && job.startMs > nowMs ? { estimatedStartMs: job.startMs } : {}),
    ...(place === undefined ? {} : { place }),
  }
}

type Running = Extract<Observation, { state: 'running' }>

function buildRunning(job: SlurmJob, placement: JobPlacement, { nowMs }: QueueContext): Running {
  const { host, ports, memoryBytes, cpuSeconds, oomKills } = placement
  return {
    state: 'running',
    ...(job.node === undefined ? {} : { node: job.node }),
    ...(host === undefined || ports === undefined ? {} : { endpoint: { host, ports } }),
    ...(job.startMs === undefined ? {} : { startedAtMs: job.startMs }),
    ...(job.endMs === undefined || job.endMs <= nowMs ? {} : { endsAtMs: job.endMs }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    ...(oomKills === undefined ? {} : { oomKills }),
  }
}

function buildEnded(job: SlurmJob, placement: JobPlacement): Observation {
  const allocated = parseAllocatedUse(job)
  return {
    state: 'ended',
    exit: buildExit(job, placement),
    ...(job.startMs === undefined ? {} : { startedAtMs: job.startMs }),
    ...(job.endMs === undefined ? {} : { endedAtMs: job.endMs }),
    ...(allocated === undefined ? {} : { allocated }),
  }
}

function buildExit(job: SlurmJob, placement: JobPlacement): JobExit {
  switch (job.states.find((state) => baseStates[state] === 'ended')) {
    case 'CANCELLED':
      return { state: 'cancelled', reason: 'cancelled', message: 'It was cancelled in Slurm.' }
    case 'PREEMPTED':
      return { state: 'preempted', reason: 'preempted', message: 'A job of higher priority took its place.' }
    case 'TIMEOUT':
      return failed('time_limit', 'Its time limit was reached.')
    case 'DEADLINE':
      return failed('time_limit', 'Its deadline was reached.')
    case 'NODE_FAIL':
      return failed('node_lost', `The node it ran on was lost${nameNode(job)}.`)
    case 'BOOT_FAIL':
      return failed('node_lost', `The node it was to run on did not start${nameNode(job)}.`)
    case 'OUT_OF_MEMORY':
      return endedByItself(placement)
        ? buildProgramExit(job, placement)
        : failed('out_of_memory', 'It used more memory than it may.')
    case undefined:
      return failed('not_observed', 'It runs on another cluster now.')
    default:
      return buildProgramExit(job, placement)
  }
}

/** Some process of it was ended for its memory, but the program itself went on to its own end. */
function endedByItself({ exit }: JobPlacement): boolean {
  return exit?.exitCode !== undefined && exit.exitCode !== 137
}

function failed(reason: string, message: string): JobExit {
  return { state: 'failed', reason, message }
}

function nameNode({ node }: SlurmJob): string {
  return node === undefined ? '' : ` (${node})`
}
