import { execFile } from 'node:child_process'
import { join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import { SlurmRefusal } from './slurm-client.ts'

/** Where Slurm's commands are and how they find their cluster. */
export interface SlurmCommands {
  /** Folder of squeue and the others. Absent: looked for on PATH. */
  folder?: string
  /** slurm.conf(5), if not in Slurm's own place. */
  configFile?: string
  timeoutMs: number
}

const mostOutputBytes = 512 * 2 ** 20
/** What the commands print when slurmctld or slurmdbd does not answer. The exit status is 1 for everything. */
const silence =
  /Unable to contact slurm|Connection refused|Connection timed out|Socket timed out|Unable to connect|Zero Bytes were transmitted|Slurm backup controller|Insane message length|connect failure|Connection reset|fetch_config|Protocol authentication error|Slurm temporarily unable|Problem talking to the database|not running|No route to host|Communication connection failure/i

/**
 * Standard output of one of Slurm's commands. Throws `scheduler_unavailable` when the daemon behind it does not answer, `SlurmRefusal` with
 * its words when it says no.
 */
export function runSlurmCommand(
  commands: SlurmCommands,
  program: string,
  args: readonly string[],
  { signal, input }: { signal: AbortSignal; input?: string },
): Promise<string> {
  const path = commands.folder === undefined ? program : join(commands.folder, program)
  return new Promise((resolve, reject) => {
    const child = execFile(
      path,
      args,
      {
        env: buildCommandEnvironment(commands),
        signal,
        timeout: commands.timeoutMs,
        maxBuffer: mostOutputBytes,
        killSignal: 'SIGKILL',
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(signal.aborted ? signal.reason : explainFailure(program, error, stderr))
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/** Nothing of the control plane's own environment: only what the commands need. */
export function buildCommandEnvironment({ configFile }: SlurmCommands): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    // Seconds since the epoch instead of a local time.
    SLURM_TIME_FORMAT: '%s',
    // Lists of an array's tasks in full.
    SLURM_BITSTR_LEN: '0',
    ...(configFile === undefined ? {} : { SLURM_CONF: configFile }),
  }
}

function explainFailure(program: string, error: Error & { killed?: boolean }, stderr: string): Error {
  if (error.killed === true) return buildSilence(`${program} did not answer in time`, error)
  if ('code' in error && error.code === 'ENOENT')
    return buildSilence(`the program ${program} is not installed here`, error)
  return explainSlurmText(program, stderr.trim() || error.message, error)
}

/** What Slurm's words mean: that it cannot be asked, or that it says no. */
export function explainSlurmText(program: string, text: string, cause?: Error): Error {
  if (silence.test(text)) return buildSilence(`${program}: ${lastLine(text)}`, cause)
  return new SlurmRefusal(text.replaceAll(/^\w+: (error: |fatal: )?/gm, '').trim(), { cause })
}

function buildSilence(why: string, cause?: Error): PlatformError {
  return new PlatformError('scheduler_unavailable', { message: `Slurm does not answer: ${why}`, cause })
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? ''
}
