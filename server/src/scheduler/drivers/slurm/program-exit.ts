import { constants } from 'node:os'

import type { JobExit } from '#scheduler/job.ts'
import type { JobPlacement } from '#scheduler/job-placement.ts'
import type { SlurmJob } from './slurm-client.ts'

const signalNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)
/** A shell's: the program was ended by a signal. */
const signalOffset = 128

/** The launcher's own ends, before it had a job to run. The same numbers stand in `atrium_node/slurm_job.py` and in docs/slurm.md. */
const launcherExits: Readonly<Record<number, string>> = {
  91: 'It was not wanted any more when its node was ready.',
  92: 'Its node could not prove whose job it is: munge does not work there. An administrator of the cluster can mend it (92).',
  93: 'Its node could not reach the platform. An administrator can mend it: `atrium doctor` says how (93).',
  94: 'The platform did not believe its node. An administrator can mend it: `atrium doctor` says how (94).',
  95: 'Its output could not be written: the shared folder is not there on its node, or full (95).',
  126: 'Python could not be run on its node. An administrator can mend it: `atrium doctor` says how (126).',
  127: 'Python was not found on its node. An administrator can mend it: `atrium doctor` says how (127).',
}

/** How the program ended: as its launcher saw it, else as Slurm did. */
export function buildProgramExit(job: SlurmJob, placement: JobPlacement): JobExit {
  const { exit } = placement
  if (exit?.failure !== undefined)
    return { state: 'failed', reason: 'start_failed', message: `It could not be started: ${exit.failure}.` }
  if (placement.claimedBy === undefined && job.exitCode !== undefined && job.exitCode !== 0)
    return describeLauncher(job.exitCode)
  if (exit !== undefined) return describe(exit)
  return describe({
    ...(job.exitCode === undefined ? {} : { exitCode: job.exitCode }),
    ...(job.signal === undefined ? {} : { signal: nameSignal(job.signal) }),
  })
}

/** How a job ended that Slurm has no record of any more. */
export function buildReportedExit({ exit }: JobPlacement): JobExit | undefined {
  if (exit === undefined) return undefined
  if (exit.failure !== undefined)
    return { state: 'failed', reason: 'start_failed', message: `It could not be started: ${exit.failure}.` }
  return describe(exit)
}

function describeLauncher(exitCode: number): JobExit {
  const text = launcherExits[exitCode]
  if (exitCode === 91) return { state: 'cancelled', reason: 'cancelled', message: text ?? '' }
  return {
    state: 'failed',
    exitCode,
    reason: 'start_failed',
    message: text ?? `It ended with exit status ${exitCode} before its program was started.`,
  }
}

function describe({ exitCode, signal }: { exitCode?: number; signal?: string }): JobExit {
  const reason = 'exit_status'
  if (signal !== undefined) return { state: 'failed', signal, reason, message: `It was ended by ${signal}.` }
  if (exitCode === undefined)
    return { state: 'failed', reason: 'not_observed', message: 'It ended, and nobody saw how.' }
  if (exitCode === 0) return { state: 'succeeded', exitCode, reason, message: 'It ended by itself.' }
  const name = exitCode > signalOffset ? signalNames.get(exitCode - signalOffset) : undefined
  const message = name === undefined ? `It ended with exit status ${exitCode}.` : `It was ended by ${name}.`
  return { state: 'failed', exitCode, reason, message }
}

function nameSignal(signal: number): string {
  return signalNames.get(signal) ?? `SIG${signal}`
}
