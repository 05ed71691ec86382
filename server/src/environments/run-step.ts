import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const rememberedLines = 60

/** A program of the set-up failed; `output` is the end of what it said. */
export class StepError extends Error {
  override readonly name = 'StepError'
  readonly output: string

  constructor(program: string, why: string, output: string) {
    super(`${program} ${why}`)
    this.output = output
  }
}

/** What a step runs with. */
export interface StepOptions {
  /** Sets the umask of the program it then becomes: Node can only set its own. */
  python: string
  environment: NodeJS.ProcessEnv
  onLine(line: string): void
  signal: AbortSignal
}

/** Files are readable by the users whose jobs run from the environment. */
const bootstrap = 'import os, sys; os.umask(0o022); os.execvp(sys.argv[1], sys.argv[1:])'

/** Runs a program to its end, line by line. Throws `StepError`. */
export async function runStep(
  command: readonly [string, ...string[]],
  { python, environment, onLine, signal }: StepOptions,
): Promise<void> {
  const child = spawn(python, ['-I', '-c', bootstrap, ...command], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > rememberedLines) lines.shift()
      if (line.trim() !== '') onLine(line.trim())
    })
  }
  const why = await new Promise<string | undefined>((resolve, reject) => {
    child.once('error', (error) => (signal.aborted ? reject(signal.reason) : resolve(error.message)))
    child.once('close', (code, killed) => {
      if (code === 0) resolve(undefined)
      else resolve(`ended with ${killed ?? `exit status ${code}`}`)
    })
  })
  signal.throwIfAborted()
  if (why !== undefined) throw new StepError(command[0], why, lines.join('\n'))
}
