import { statfs } from 'node:fs/promises'

import { PlatformError } from '@atrium/contract/errors.ts'

import { StepError } from './run-step.ts'

/** The end of what a program said; the cause stands there. */
const shownLines = 6
const leastFreeBytes = 16 * 1024 ** 2
const diskFull = /No space left on device|os error 28|ENOSPC|Disk quota exceeded/i
const noNetwork =
  /dns error|error sending request|connection (refused|reset|aborted)|timed out|Could not connect|Temporary failure in name resolution|Network is unreachable|Max retries exceeded|\(from versions: none\)/i
const noVenv = /ensurepip is not available|No module named (venv|ensurepip)/i

/** What a failed set-up says to a person: what went wrong, what to do, and the program's last lines. */
export async function explainSetUpFailure(
  error: unknown,
  { prefix, signal }: { prefix: string; signal: AbortSignal },
): Promise<unknown> {
  if (signal.aborted) return signal.reason
  if (error instanceof PlatformError) return error
  const output = error instanceof StepError ? error.output : String(error)
  if (diskFull.test(output) || (await isDiskFull(prefix))) {
    return new PlatformError('storage_full', {
      message: `The disk of ${prefix} is full: the notebook environment needs about 1 GB. Make room or choose another folder with --env-prefix DIR, then start again.`,
      cause: error,
    })
  }
  if (noVenv.test(output)) {
    return new PlatformError('bad_request', {
      message: 'This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv.',
      cause: error,
    })
  }
  const advice = noNetwork.test(output)
    ? 'The Python packages could not be downloaded. Check the network, or point pip at a package index you can reach (pip config set global.index-url URL); then start again, it goes on where it stopped.'
    : `The notebook environment could not be made in ${prefix}. Start again to go on where it stopped, or give a ready one with --env-prefix DIR.`
  return new PlatformError('internal', { message: `${advice}\n${lastLines(output)}`, cause: error })
}

/** venv hides why its pip could not be unpacked. */
async function isDiskFull(prefix: string): Promise<boolean> {
  const disk = await statfs(prefix).catch(() => undefined)
  return disk !== undefined && disk.bavail * disk.bsize < leastFreeBytes
}

function lastLines(output: string): string {
  return output
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('Ignoring '))
    .slice(-shownLines)
    .map((line) => `  ${line}`)
    .join('\n')
}
