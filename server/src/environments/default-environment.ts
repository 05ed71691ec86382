import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { PlatformError } from '@atrium/contract/errors.ts'
import { findInstallationRoot } from '#platform/installation.ts'
import type { Logger } from '#platform/log.ts'

import { readMarker, writeMarker } from './environment-marker.ts'
import { findPython, listParents, type PythonProgram } from './find-python.ts'
import { buildUvEnvironment } from './package-index.ts'
import { runStep, StepError, type StepOptions } from './run-step.ts'

const run = promisify(execFile)

/** What the set-up does just now, for a person who waits. */
export interface EnvironmentProgress {
  step: 'python' | 'venv' | 'installer' | 'packages' | 'finish'
  message: string
}

export interface DefaultEnvironmentOptions {
  /** Where the environment is, or is made. */
  prefix: string
  onProgress(progress: EnvironmentProgress): void
  signal: AbortSignal
  log: Logger
  /** Default: the committed lock. */
  lockPath?: string
  /** Default: this process's. Says where Python is and where packages come from. */
  environment?: NodeJS.ProcessEnv
}

export interface DefaultEnvironment {
  prefix: string
  python: string
  /** `existing`: nothing had to be done; `foreign`: it is not of our making and was left as it is. */
  outcome: 'existing' | 'foreign' | 'created' | 'repaired'
}

/** The lock that belongs to this version, made from `default.in` beside it. */
export const defaultLockPath = join(findInstallationRoot(), 'python', 'environments', 'default.txt')

/** The program a notebook server needs; without it an environment is of no use to us. */
const serverProgram = 'jupyterhub-singleuser'

/**
 * Makes sure that the environment of notebook servers is there: at once when it is, else by venv and uv (or pip) from the
 * lock. Safe to repeat after being killed at any point. Throws `storage_full`, or an error that says what to do.
 */
export async function ensureDefaultEnvironment(
  options: DefaultEnvironmentOptions,
): Promise<DefaultEnvironment> {
  const { prefix, lockPath = defaultLockPath } = options
  const lock = createHash('sha256')
    .update(await readFile(lockPath))
    .digest('hex')
  const marker = await readMarker(prefix)
  const python = join(prefix, 'bin', 'python')
  const isUsable = await canRunServers(prefix)
  if (isUsable && marker?.state === 'complete' && marker.lock === lock)
    return { prefix, python, outcome: 'existing' }
  if (isUsable && !marker) return { prefix, python, outcome: 'foreign' }
  if (!marker && !(await isEmpty(prefix))) {
    throw new PlatformError('bad_request', {
      message: `${prefix} is neither empty nor an environment with ${serverProgram}. Choose another with --env-prefix DIR.`,
    })
  }
  try {
    await install({ ...options, lockPath, lock, environment: options.environment ?? process.env })
  } catch (error) {
    throw await explainFailure(error, options)
  }
  return { prefix, python, outcome: marker ? 'repaired' : 'created' }
}

interface InstallOptions extends DefaultEnvironmentOptions {
  lockPath: string
  lock: string
  environment: NodeJS.ProcessEnv
}

async function install(options: InstallOptions): Promise<void> {
  const { prefix, lock, onProgress, signal, environment } = options
  const isRoot = process.getuid?.() === 0
  onProgress({ step: 'python', message: 'Looking for Python' })
  const base = await findPython({ mustBeShared: isRoot, signal, searchPath: environment['PATH'] })
  await mkdir(prefix, { recursive: true, mode: 0o755 })
  if (isRoot) await refuseClosedFolder(prefix)
  await writeMarker(prefix, { state: 'installing', lock })
  await makeVenv(base, options)
  await installPackages(options)
  await writeMarker(prefix, { state: 'complete', lock })
  await rm(cacheFolder(prefix), { recursive: true, force: true })
  onProgress({ step: 'finish', message: 'The notebook environment is ready' })
}

async function makeVenv(base: PythonProgram, options: InstallOptions): Promise<void> {
  const { prefix, onProgress } = options
  onProgress({ step: 'venv', message: `Making a virtual environment with Python ${base.version}` })
  // Over what a killed set-up left: links are made anew, packages already there are kept.
  await runStep(
    [base.path, '-I', '-m', 'venv', prefix],
    stepOptions(options, { step: 'venv', python: base.path }),
  )
}

async function installPackages(options: InstallOptions): Promise<void> {
  const { prefix, lockPath, onProgress, log } = options
  const python = join(prefix, 'bin', 'python')
  const uv = await ensureUv(options)
  const packages = stepOptions(options, { step: 'packages', python })
  onProgress({ step: 'packages', message: 'Installing JupyterLab, Dask and their packages' })
  if (uv === undefined) {
    log.warn({ prefix }, 'uv is not to be had; installing by pip, which takes longer')
    await runStep(
      [python, '-I', '-m', 'pip', 'install', '--no-input', '--require-hashes', '-r', lockPath],
      packages,
    )
    return
  }
  const { stdout } = await run(python, ['-I', '-m', 'pip', 'config', 'list'], { env: options.environment })
  await runStep(
    [uv, 'pip', 'install', '--python', python, '--require-hashes', '--compile-bytecode', '-r', lockPath],
    {
      ...packages,
      environment: {
        ...buildUvEnvironment(stdout, options.environment),
        // Beside the environment: hard links instead of copies, and a killed set-up goes on where it was.
        UV_CACHE_DIR: cacheFolder(prefix),
        UV_PYTHON_DOWNLOADS: 'never',
        UV_NO_CONFIG: '1',
        VIRTUAL_ENV: prefix,
      },
    },
  )
}

/** uv by pip, in a folder of its own: users' environment holds only what the lock names. Undefined: none for this machine. */
async function ensureUv(options: InstallOptions): Promise<string | undefined> {
  const { prefix, onProgress, signal, log } = options
  const folder = join(cacheFolder(prefix), 'uv-program')
  const uv = join(folder, 'bin', 'uv')
  if (await works(uv)) return uv
  onProgress({ step: 'installer', message: 'Fetching the package installer' })
  const python = join(prefix, 'bin', 'python')
  try {
    const command = [
      '-I',
      '-m',
      'pip',
      'install',
      '--no-input',
      '--upgrade',
      '--no-deps',
      '--target',
      folder,
      'uv',
    ]
    await runStep([python, ...command], stepOptions(options, { step: 'installer', python }))
  } catch (error) {
    signal.throwIfAborted()
    log.info({ error }, 'uv could not be installed')
  }
  return (await works(uv)) ? uv : undefined
}

async function works(program: string): Promise<boolean> {
  try {
    await run(program, ['--version'])
    return true
  } catch {
    return false
  }
}

function stepOptions(
  { onProgress, signal, environment }: InstallOptions,
  { step, python }: { step: EnvironmentProgress['step']; python: string },
): StepOptions {
  // pip and uv look at these to choose where to install; ours is the prefix, whatever shell this was started from.
  const {
    VIRTUAL_ENV: _venv,
    CONDA_PREFIX: _conda,
    PYTHONPATH: _path,
    PYTHONHOME: _home,
    ...rest
  } = environment
  const onLine = (message: string) => {
    // uv ends with one such line a package.
    if (!message.startsWith('+ ')) onProgress({ step, message })
  }
  return { python, environment: rest, signal, onLine }
}

function cacheFolder(prefix: string): string {
  return `${prefix}.cache`
}

async function canRunServers(prefix: string): Promise<boolean> {
  try {
    await access(join(prefix, 'bin', serverProgram))
    await stat(join(prefix, 'bin', 'python'))
    return true
  } catch {
    return false
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0
  } catch {
    return true
  }
}

/** As root, jobs run as their owners: they have to reach the environment. */
async function refuseClosedFolder(prefix: string): Promise<void> {
  for (const folder of listParents(dirname(prefix))) {
    const { mode } = await stat(folder)
    if ((mode & 0o001) === 0) {
      throw new PlatformError('bad_request', {
        message: `Other users cannot pass through ${folder}, so their servers could not use ${prefix}. Choose another folder with --env-prefix DIR, or run chmod o+x ${folder}.`,
      })
    }
  }
}

const leastFreeBytes = 16 * 1024 ** 2
const diskFull = /No space left on device|os error 28|ENOSPC|Disk quota exceeded/i
const noNetwork =
  /dns error|error sending request|connection (refused|reset|aborted)|timed out|Could not connect|Temporary failure in name resolution|Network is unreachable|Max retries exceeded|No matching distribution found for uv/i
const noVenv = /ensurepip is not available|No module named (venv|ensurepip)/i

async function explainFailure(
  error: unknown,
  { prefix, signal }: DefaultEnvironmentOptions,
): Promise<unknown> {
  if (signal.aborted || error instanceof PlatformError) return error
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
  return output.trim().split('\n').slice(-8).join('\n')
}
