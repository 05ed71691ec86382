import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { untilQuiet } from '../processes.ts'
import type { Figures } from './measures.ts'

const withinMs = 60_000

/** The same scheduler and worker by hand, with nobody between: what Python's imports and Dask take by themselves. */
export async function measureBareDask(prefix: string): Promise<Figures> {
  await untilQuiet()
  const [scheduler, schedulerSeconds, address] = await startDask(
    prefix,
    ['scheduler', '--host', '127.0.0.1', '--port', '0', '--dashboard-address', '127.0.0.1:0'],
    /Scheduler at: +(\S+)/,
  )
  try {
    await untilQuiet()
    const [worker, workerSeconds] = await startDask(
      prefix,
      ['worker', address, '--no-nanny', '--host', '127.0.0.1', '--dashboard-address', '127.0.0.1:0'],
      /Registered to: +(\S+)/,
    )
    await end(worker)
    return { bareScheduler: schedulerSeconds, bareWorker: workerSeconds }
  } finally {
    await end(scheduler)
  }
}

/** Starts it and waits for a line of its log: the process, the seconds that took, and what the pattern's group took. */
async function startDask(
  prefix: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<[ChildProcess, number, string]> {
  const started = performance.now()
  const child = spawn(join(prefix, 'bin', 'dask'), args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line)
    const found = pattern.exec(line)?.[1]
    if (found === undefined) continue
    clearTimeout(timer)
    // A pipe that nobody reads would fill.
    child.stderr.resume()
    return [child, (performance.now() - started) / 1000, found]
  }
  throw new Error(`dask ${args[0]} did not start: ${lines.at(-1)}`)
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await exited
}
