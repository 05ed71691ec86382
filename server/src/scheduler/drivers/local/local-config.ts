import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { findInstallationRoot } from '#platform/installation.ts'

/** What the local driver needs to know of this machine; made by `buildLocalConfig`. */
export interface LocalSchedulerConfig {
  /** Runs the node agent: any Python of 3.10 or newer, nothing installed in it. */
  python: string
  /** The folder of the `atrium_node` package. */
  agentPackage: string
  /** Jobs' records and logs are kept in `DIR/jobs`. One agent a folder. */
  dataDir: string
  /** At most 107 bytes (a limit of Unix sockets); others must not be able to write in its folder. */
  socketPath: string
  /** The agent's own log is appended to this file. */
  agentLogPath: string
  /** A job's log gives up its older half beyond this. */
  jobLogLimitBytes: number
  /** `none` switches limits off; `auto` takes the best there is. */
  cgroups: 'auto' | 'v2' | 'v1' | 'none'
  /** Processes and threads of one job at a time: a fork bomb stays within its own job. */
  jobProcesses: number
  /** Programs (jobs of kind `batch`) at a time, each counted with its cores. */
  programsAtOnce: number
  /** Applies to every file a job makes unless it changes its umask itself. */
  umask: number
  /** How long the agent may take to answer before it counts as unreachable; submitting has six times as long. */
  callTimeoutMs: number
  /** Kills the agent at a named point. Tests only. */
  fault?: string
}

/** Given by the platform: where things are. The rest has defaults. */
export type LocalSchedulerOptions = Pick<
  LocalSchedulerConfig,
  'python' | 'dataDir' | 'socketPath' | 'agentLogPath'
> &
  Partial<LocalSchedulerConfig>

const defaultCallTimeoutMs = 20_000
/** Far more than notebooks need (a kernel has some ten threads), far less than a machine has. */
const defaultJobProcesses = 4096
const defaultJobLogLimitBytes = 32 * 1024 ** 2

/** An array of a thousand must not be a thousand processes; but programs wait for disks and networks, too, and some for one another. */
const programsForCore = 4
const leastProgramsAtOnce = 8

/** Fills in the defaults. */
export function buildLocalConfig(options: LocalSchedulerOptions): LocalSchedulerConfig {
  return {
    agentPackage: join(findInstallationRoot(), 'python', 'src', 'atrium_node'),
    jobLogLimitBytes: defaultJobLogLimitBytes,
    cgroups: 'auto',
    jobProcesses: defaultJobProcesses,
    programsAtOnce: Math.max(leastProgramsAtOnce, programsForCore * availableParallelism()),
    umask: 0o077,
    callTimeoutMs: defaultCallTimeoutMs,
    ...options,
  }
}

/** The agent's command line; it holds no secrets. */
export function buildAgentCommand(config: LocalSchedulerConfig): [string, ...string[]] {
  return [
    config.python,
    // Isolated and without site-packages: nobody's files but ours are loaded, and it starts in 50 ms.
    ...['-I', '-S', config.agentPackage, 'agent'],
    ...['--data', config.dataDir, '--socket', config.socketPath],
    ...['--log-limit-bytes', String(config.jobLogLimitBytes), '--cgroups', config.cgroups],
    ...(config.fault === undefined ? [] : ['--fault', config.fault]),
  ]
}

/**
 * The same in a systemd scope of its own: its control groups are delegated to it, and stopping the platform's unit
 * does not touch it.
 */
export function buildScopedAgentCommand(
  config: LocalSchedulerConfig,
  { isRoot }: { isRoot: boolean },
): [string, ...string[]] {
  const options = ['--quiet', '--collect', '--scope', '--property=Delegate=yes']
  return ['systemd-run', ...options, ...(isRoot ? [] : ['--user']), '--', ...buildAgentCommand(config)]
}
