import { countPrograms } from '#scheduler/count-programs.ts'
import { buildSharedEnvironment, findUmask } from '#scheduler/group-access.ts'
import type { JobExit, JobHandle, JobResources, JobSpec, Observation } from '#scheduler/job.ts'
import type { Submission } from '#scheduler/scheduler.ts'

import type { AgentExit, AgentJob, AgentStartResult } from './agent-protocol.ts'
import type { LocalSchedulerConfig } from './local-config.ts'

/** The name in handles. */
export const driverName = 'local'
const handleVersion = 1

/** The agent finds a job by its key alone. */
export function buildHandle(key: string): JobHandle {
  return { key, driver: driverName, version: handleVersion, ref: key }
}

/** A job as the agent is asked for it. `asOwner`: the agent can become other users. */
export function buildAgentSpec(
  spec: JobSpec,
  { asOwner, config }: { asOwner: boolean; config: Pick<LocalSchedulerConfig, 'umask' | 'jobProcesses'> },
): Record<string, unknown> {
  const { uid, gid, gids } = spec.owner
  const limits = multiply(spec.resources, spec.tasks)
  return {
    key: spec.key,
    command: spec.command,
    environment: { ...spec.environment, ...buildSharedEnvironment(spec.owner) },
    workingDirectory: spec.workingDirectory,
    owner: asOwner ? { uid, gid, gids } : undefined,
    ports: spec.ports,
    limits: { ...limits, pids: config.jobProcesses },
    umask: findUmask(spec.owner) ?? config.umask,
    timeLimitMs: spec.timeLimitMs,
    tasks: countPrograms(spec),
    mpi: spec.mpi,
    warm: spec.warm,
    labels: { ...spec.labels, kind: spec.kind },
  }
}

/** What all tasks of a job may use together: they share a control group. */
function multiply(
  { cpu, memoryBytes }: JobResources,
  tasks: number,
): Pick<JobResources, 'cpu' | 'memoryBytes'> {
  return {
    ...(cpu === undefined ? {} : { cpu: cpu * tasks }),
    ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes * tasks }),
  }
}

/** Why this driver can never run such a job; undefined when it can. */
export function findObstacle(spec: JobSpec): { reason: string; message: string } | undefined {
  if ((spec.resources.gpu ?? 0) > 0)
    return { reason: 'no_gpu', message: 'This machine gives no GPUs to jobs.' }
  if ((spec.nodes ?? 1) > 1)
    return {
      reason: 'one_node',
      message: `Jobs run on this one machine: it cannot be spread over ${spec.nodes} nodes.`,
    }
  return undefined
}

export function parseSubmission(result: AgentStartResult): Submission {
  if (result.outcome === 'accepted')
    return { key: result.key, outcome: 'accepted', handle: buildHandle(result.key) }
  return { key: result.key, outcome: 'rejected', reason: result.reason, message: result.message }
}

export function parseObservation(job: AgentJob | undefined): Observation {
  if (!job) return { state: 'absent' }
  if (job.state === 'ended') {
    return {
      state: 'ended',
      exit: parseExit(job.exit),
      ...(job.endedAtMs === null ? {} : { endedAtMs: job.endedAtMs }),
    }
  }
  return {
    state: 'running',
    node: driverName,
    ...(job.listening ? { endpoint: { host: '127.0.0.1', ports: job.ports } } : {}),
    startedAtMs: job.startedAtMs,
    warm: job.warm.used,
    ...(typeof job.memoryBytes === 'number' ? { memoryBytes: job.memoryBytes } : {}),
    ...(typeof job.cpuSeconds === 'number' ? { cpuSeconds: job.cpuSeconds } : {}),
    ...(job.oomKills ? { oomKills: job.oomKills } : {}),
  }
}

function parseExit(exit: AgentExit | null): JobExit {
  if (!exit)
    return { state: 'failed', reason: 'not_observed', message: 'It ended while nothing watched over it.' }
  const { reason, message } = exit
  return {
    state: exitState(exit),
    reason,
    message,
    ...(exit.exitCode === null ? {} : { exitCode: exit.exitCode }),
    ...(exit.signal === null ? {} : { signal: exit.signal }),
  }
}

function exitState({ reason, exitCode }: AgentExit): JobExit['state'] {
  if (reason === 'cancelled') return 'cancelled'
  return reason === 'exit_status' && exitCode === 0 ? 'succeeded' : 'failed'
}
