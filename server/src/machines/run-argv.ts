import { spawn } from 'node:child_process'

export interface ArgvResult {
  /** Undefined: ended by a signal. */
  code: number | undefined
  stdout: string
  stderr: string
  timedOut: boolean
}

export interface ArgvOptions {
  /** All that the program sees, beside a PATH. */
  environment: Readonly<Record<string, string>>
  timeoutMs: number
  signal?: AbortSignal
}

/** slurmctld gives its programs no PATH at all. */
const fallbackPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const mostOutput = 64 * 1024
/** For reading what is still in the pipes of a program that has ended. */
const lastWordsMs = 500

/** Runs a program to its end, without a shell; what it started ends with it when it takes too long. Rejects if it cannot be started. */
export function runArgv(argv: readonly string[], options: ArgvOptions): Promise<ArgvResult> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      // A group of its own, so that all of it can be ended.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? fallbackPath, LANG: 'C.UTF-8', ...options.environment },
    })
    const stdout = keepEnd(child.stdout)
    const stderr = keepEnd(child.stderr)
    let timedOut = false
    const end = () => {
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => {
      timedOut = true
      end()
    }, options.timeoutMs)
    options.signal?.addEventListener('abort', end, { once: true })
    const finish = (code: number | null) => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', end)
      child.stdout.destroy()
      child.stderr.destroy()
      resolve({ code: code ?? undefined, stdout: stdout(), stderr: stderr(), timedOut })
    }
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', finish)
    // What the program leaves running in the background may keep its output open for ever.
    child.once('exit', (code) => setTimeout(finish, lastWordsMs, code).unref())
  })
}

function keepEnd(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-mostOutput)
  })
  return () => text
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended meanwhile.
  }
}
