import { spawn } from 'node:child_process'

/** How a program ended. A signal counts as 128 + its number would; here simply as -1. */
export interface ProgramResult {
  code: number
  stdout: string
  stderr: string
}

export interface ProgramOptions {
  /** Nothing is inherited beside `PATH`. */
  env?: Readonly<Record<string, string>>
  input?: string
  cwd?: string
  /** Killed after this; default 60 s. */
  timeoutMs?: number
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs a program to its end, whatever its exit status; rejects only if it cannot be started. */
export function tryProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? '/',
      env: { PATH: systemPath, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    // A program that reads no input may be gone before it is written.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
  })
}

/** Runs a program that must succeed; returns what it printed, throws with what it complained about. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryProgram(command, args, options)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')}: exit ${code}\n${stderr}${stdout}`)
  return stdout
}
