import type { Clock } from '#platform/clock.ts'
import type { JobEndpoint, JobExit, JobHandle, JobSpec } from '#scheduler/job.ts'

/** A job's process as its program sees it. */
export interface MemoryProcess {
  /** argv after the program's name, ports filled in. */
  args: readonly string[]
  environment: Readonly<Record<string, string>>
  spec: JobSpec
  clock: Clock
  /** Aborts when the process is gone: stop what the program started. */
  signal: AbortSignal
  print(text: string): void
  exit(code: number): void
  /** Ends as if by this signal. */
  crash(signal: string): void
  /** Called instead of ending at once when the job is asked to end. */
  onTerminate(action: () => void): void
}

/** What a job does in memory: a function named by `command[0]`. It returns at once; the process lives until it exits. */
export type MemoryProgram = (process: MemoryProcess) => void

/** One job in the pretend cluster. A key has several when the scheduler duplicated it. */
export interface MemoryRun {
  readonly handle: JobHandle
  readonly spec: JobSpec
  state: 'pending' | 'starting' | 'running' | 'ended'
  node?: string
  endpoint?: JobEndpoint
  startedAtMs?: number
  endedAtMs?: number
  exit?: JobExit
  cancelled: boolean
  output: Uint8Array[]
  /** Aborts when the job has ended. */
  life: AbortController
  /** Ends the process without asking; set while there is one. */
  kill?: (exit: JobExit) => void
  /** Asks the process to end. */
  terminate?: () => void
}

interface RunProgramOptions {
  program: MemoryProgram | undefined
  clock: Clock
  ports: Readonly<Record<string, number>>
  /** Called after new output. */
  onOutput(): void
  onEnd(exit: JobExit): void
}

/** Starts the program of a run whose state is `running`. */
export function runProgram(run: MemoryRun, options: RunProgramOptions): void {
  const { program, clock, ports, onOutput } = options
  const name = run.spec.command[0]
  if (program === undefined || run.spec.workingDirectory.startsWith('/nonexistent')) {
    const missing = program === undefined ? name : run.spec.workingDirectory
    options.onEnd({ state: 'failed', reason: 'start_failed', message: `There is no ${missing}.` })
    return
  }
  const { signal } = run.life
  const end = (exit: JobExit) => {
    if (signal.aborted) return
    run.life.abort()
    options.onEnd(run.cancelled && exit.reason === 'exit_status' ? cancelledExit : exit)
  }
  run.kill = end
  run.terminate = () => end(buildSignalExit('SIGTERM'))
  program({
    args: run.spec.command.slice(1).map((text) => fillPorts(text, ports)),
    environment: Object.fromEntries(
      Object.entries(run.spec.environment).map(([key, value]) => [key, fillPorts(value, ports)]),
    ),
    spec: run.spec,
    clock,
    signal,
    print(text) {
      if (signal.aborted) return
      run.output.push(Buffer.from(text))
      onOutput()
    },
    exit: (code) => end(buildStatusExit(code)),
    crash: (name) => end(buildSignalExit(name)),
    onTerminate(action) {
      run.terminate = action
    },
  })
}

export const cancelledExit: JobExit = {
  state: 'cancelled',
  reason: 'cancelled',
  message: 'It was asked to end.',
}

function buildStatusExit(exitCode: number): JobExit {
  const reason = 'exit_status'
  return exitCode === 0
    ? { state: 'succeeded', exitCode, reason, message: 'It ended well.' }
    : { state: 'failed', exitCode, reason, message: `It exited with status ${exitCode}.` }
}

function buildSignalExit(signal: string): JobExit {
  return { state: 'failed', signal, reason: 'exit_status', message: `It was ended by ${signal}.` }
}

/** Replaces `{port:NAME}` for the names the node gave; other text in braces stays. */
function fillPorts(text: string, ports: Readonly<Record<string, number>>): string {
  return text.replace(/\{port:([^{}]*)\}/g, (all, name: string) => String(ports[name] ?? all))
}
