import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..', '..')
const readyWithinMs = 60_000

/** What `atrium up --json` says when it is ready. */
export interface ReadyLine {
  ready: true
  url: string
  pid: number
  /** Present until somebody has used it. */
  signInLink?: string
}

export interface PlatformOptions {
  /** Content of `atrium.yaml`. */
  config?: string
  /** A folder to go on with; default: a new one that `dispose` removes. */
  data?: string
  environment?: NodeJS.ProcessEnv
  /** Python environment of servers; default: the tests' shared one. */
  prefix?: string
  /** Account that the platform runs as; default: the tests' own. Needs root, and a `data` folder of that account's. */
  user?: string
}

/** A platform as a newcomer starts it: `atrium up`, its own data folder, a free port. */
export interface Platform {
  readonly data: string
  readonly url: string
  readonly ready: ReadyLine
  /** The control plane's process. */
  readonly pid: number
  /** The local administrator's token. */
  adminToken(): Promise<string>
  /** What the control plane wrote to standard error so far. */
  log(): string
  /** JSON by the public door, as the administrator unless a token is given. */
  api<T>(
    method: string,
    path: string,
    options?: { body?: unknown; token?: string },
  ): Promise<{ status: number; body: T }>
  /** Kills the control plane without a word, or as told; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Resolves when the control plane has ended by itself. */
  exited(): Promise<void>
  /** Starts the control plane again on the same data and port. */
  startAgain(environment?: NodeJS.ProcessEnv): Promise<void>
  /** `atrium down --all`, and the data folder goes if it was ours. */
  dispose(): Promise<void>
}

interface Running {
  child: ChildProcess
  ready: ReadyLine
  exited: Promise<void>
}

/** Starts a platform and waits for its ready line. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const data = options.data ?? (await makeDataFolder())
  const config = join(data, 'atrium.yaml')
  await writeFile(config, options.config ?? '{}\n')
  const prefix = options.prefix ?? process.env['ATRIUM_TEST_ENVIRONMENT']
  const log: string[] = []
  const as = options.user
  const start = (port: string, extra: NodeJS.ProcessEnv = {}) =>
    launch(
      [
        'up',
        '--json',
        '--data',
        data,
        '--config',
        config,
        '--port',
        port,
        ...(prefix ? ['--env-prefix', prefix] : []),
      ],
      { ...options.environment, ...extra },
      log,
      as,
    )
  let running = await start('0')
  const { url } = running.ready
  const adminToken = async () => (await readFile(join(data, 'keys', 'cli-token'), 'utf8')).trim()
  return {
    data,
    url,
    get ready() {
      return running.ready
    },
    get pid() {
      return running.ready.pid
    },
    adminToken,
    log: () => log.join(''),
    async api(method, path, { body, token } = {}) {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${token ?? (await adminToken())}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
    },
    async kill(signal = 'SIGKILL') {
      running.child.kill(signal)
      await running.exited
    },
    exited: () => running.exited,
    async startAgain(extra) {
      running = await start(new URL(url).port, extra)
    },
    async dispose() {
      await runCli(['down', '--all', '--data', data], {}, as)
      await running.exited
      if (options.data === undefined) await rm(data, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A further control plane on the platform's data (`atrium serve`); needs PostgreSQL. */
export async function startServe(
  platform: Platform,
): Promise<{ ready: ReadyLine; stop(): Promise<void>; kill(): Promise<void> }> {
  const { port } = new URL(platform.url)
  const prefix = process.env['ATRIUM_TEST_ENVIRONMENT']
  const config = join(platform.data, 'atrium.yaml')
  const options = ['--json', '--data', platform.data, '--config', config, '--port', port]
  const running = await launch(['serve', ...options, ...(prefix ? ['--env-prefix', prefix] : [])], {}, [])
  const end = async (signal: NodeJS.Signals) => {
    running.child.kill(signal)
    await running.exited
  }
  return { ready: running.ready, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** As root, users' servers run under accounts of their own and have to get to their homes. */
async function makeDataFolder(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'atrium-'))
  await chmod(data, 0o755)
  return data
}

/** Runs the command line to its end. */
export async function runCli(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  user?: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawnCli(args, environment, user)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const code = await new Promise<number>((resolve) =>
    child.once('exit', (exitCode) => resolve(exitCode ?? 1)),
  )
  return { code, stdout: await stdout, stderr: await stderr }
}

/** A command line that is still running. */
export interface RunningCli {
  stdout(): string
  stderr(): string
  kill(signal: NodeJS.Signals): void
  /** Its exit code; the signal's name when one ended it. */
  readonly exited: Promise<number | string>
}

/** Starts the command line, for what must be done to it while it runs. */
export function startCli(args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunningCli {
  const child = spawnCli(args, environment)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  return {
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal) => child.kill(signal),
    exited: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? 1))),
  }
}

/** `user`: an account that shares nothing of ours but the program. */
function spawnCli(args: readonly string[], environment: NodeJS.ProcessEnv, user?: string) {
  const program = [process.execPath, join(root, 'cli/bin/atrium.mjs'), ...args]
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  if (user === undefined)
    return spawn(program[0] ?? '', program.slice(1), { env: { ...process.env, ...environment }, stdio })
  const identity = ['--reuid', user, '--regid', user, '--init-groups']
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', USER: user, ...environment }
  return spawn('setpriv', [...identity, ...program], { cwd: '/', env, stdio })
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function launch(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  log: string[],
  user?: string,
): Promise<Running> {
  const child = spawnCli(args, environment, user)
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = await Promise.race([
    readReadyLine(child),
    exited.then(() => Promise.reject(new Error(`the platform ended before it was ready:\n${log.join('')}`))),
    failAfter(readyWithinMs, () => `the platform was not ready in time:\n${log.join('')}`),
  ])
  return { child, ready, exited }
}

function readReadyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve) => {
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as ReadyLine)
    })
  })
}

function failAfter(ms: number, describe: () => string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(describe())), ms).unref()
  })
}
