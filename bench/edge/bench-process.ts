import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

/** Linux counts processor time in hundredths of a second. */
const microsecondsPerTick = 10_000

/**
 * Starts a process for a measurement, in a session of its own: Linux shares the processor between sessions, so all that is compared must
 * stand alike.
 */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return spawn(command, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...options.env },
  })
}

/** Resolves with the next line of a process's output. */
export function readLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (piece: Buffer) => {
      text += piece.toString()
      if (!text.includes('\n')) return
      child.stdout?.off('data', onData)
      resolve(text.slice(0, text.indexOf('\n')))
    }
    child.stdout?.on('data', onData)
    child.once('exit', (code) =>
      reject(new Error(`${child.spawnargs.join(' ').slice(0, 200)} ended with ${code}`)),
    )
  })
}

/** Ends a process and waits until it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await waitFor('a process to end', () => child.exitCode !== null || child.signalCode !== null)
}

/** Processor time a process has used so far, in microseconds. */
export function readCpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}
