import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { PlatformError } from '@atrium/contract/errors.ts'
import { findInstallationRoot } from '#platform/installation.ts'
import type { Logger } from '#platform/log.ts'

import { readMarker, writeMarker } from './environment-marker.ts'
import { explainSetUpFailure } from './explain-set-up-failure.ts'
import { findPython, isUsablePython, listParents, type PythonProgram } from './find-python.ts'
import { buildUvEnvironment } from './package-index.ts'
import { runStep, type StepOptions } from './run-step.ts'

const run = promisify(execFile)

/** What the set-up does just now, for a person who waits. */
export interface EnvironmentProgress {
  step: 'python' | 'venv' | 'installer' | 'packages' | 'finish'
  message: string
  /** A program's own words within the step. */
  isDetail: boolean
}

export interface DefaultEnvironmentOptions {
  /** Where the environment is, or is made. */
  prefix: string
  onProgress(progress: EnvironmentProgress): void
  signal: AbortSignal
  log: Logger
  /** Other users' servers run from it. Default: as root. */
  forOthers?: boolean
  /** Default: the committed lock. */
  lockPath?: string
  /** A pip requirements file that is installed on top of the lock. */
  requirements?: string | undefined
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

/** Of what pip and uv say: what is fetched, and what is done. The rest is a line a package. */
const worthTelling =
  /^(Downloading |Resolved |Prepared |Installed |Bytecode compiled |Successfully installed uv)/

/** The program a notebook server needs; without it an environment is of no use to us. */
const serverProgram = 'jupyterhub-singleuser'

/**
 * Makes sure that the environment of notebook servers is there: at once when it is, else by venv and uv (or pip) from the
 * lock. Safe to repeat after being killed at any point. Throws `storage_full`, or an error that says what to do.
 */
export async function ensureDefaultEnvironment(
  options: DefaultEnvironmentOptions,
): Promise<DefaultEnvironment> {
  const { prefix, lockPath = defaultLockPath, requirements } = options
  const lock = await hashFiles(requirements === undefined ? [lockPath] : [lockPath, requirements])
  const marker = await readMarker(prefix)
  const python = join(prefix, 'bin', 'python')
  const isUsable = await canRunServers(prefix)
  if (isUsable && marker?.state === 'complete' && marker.lock === lock)
    return { prefix, python, outcome: 'existing' }
  if (isUsable && !marker) {
    await checkForeign(options, python)
    return { prefix, python, outcome: 'foreign' }
  }
  if (!marker && !(await isEmpty(prefix))) {
    throw new PlatformError('bad_request', {
      message: `${prefix} is neither empty nor an environment with ${serverProgram}. Choose another with --env-prefix DIR.`,
    })
  }
  try {
    await install({ ...options, lockPath, lock, environment: options.environment ?? process.env })
  } catch (error) {
    throw await explainSetUpFailure(error, options)
  }
  return { prefix, python, outcome: marker ? 'repaired' : 'created' }
}

/** SHA-256 over what decides the environment's packages. Throws a `bad_request` for a file that cannot be read. */
async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) {
    hash.update(
      await readFile(path).catch((cause: unknown) => {
        throw new PlatformError('bad_request', {
          message: `The requirements file ${path} (environment.requirements) cannot be read.`,
          cause,
        })
      }),
    )
  }
  return hash.digest('hex')
}

/** An environment of somebody else's making is taken as it is, if it works at all. */
async function checkForeign(options: DefaultEnvironmentOptions, python: string) {
  const { prefix, requirements, signal, log } = options
  if (isForOthers(options)) await refuseClosedFolder(join(prefix, 'bin'))
  if (!(await isUsablePython(python, signal))) {
    throw new PlatformError('bad_request', {
      message: `The environment in ${prefix} does not work: ${python} is no Python of 3.10 or newer that runs here. Mend it, or choose another with --env-prefix DIR; without one, Atrium makes its own.`,
    })
  }
  if (requirements !== undefined)
    log.warn(
      { prefix, requirements },
      'environment.requirements is for the environment that Atrium makes; left out',
    )
}

function isForOthers({ forOthers = process.getuid?.() === 0 }: DefaultEnvironmentOptions): boolean {
  return forOthers
}

interface InstallOptions extends DefaultEnvironmentOptions {
  lockPath: string
  lock: string
  environment: NodeJS.ProcessEnv
}

async function install(options: InstallOptions): Promise<void> {
  const { prefix, lock, onProgress, signal, environment } = options
  const mustBeShared = isForOthers(options)
  onProgress({ step: 'python', message: 'Looking for Python', isDetail: false })
  const base = await findPython({ mustBeShared, signal, searchPath: environment['PATH'] })
  await mkdir(prefix, { recursive: true, mode: 0o755 })
  if (mustBeShared) await refuseClosedFolder(prefix)
  await writeMarker(prefix, { state: 'installing', lock })
  await makeVenv(base, options)
  await installPackages(options)
  await writeMarker(prefix, { state: 'complete', lock })
  await rm(cacheFolder(prefix), { recursive: true, force: true })
  onProgress({ step: 'finish', message: 'The notebook environment is ready', isDetail: false })
}

async function makeVenv(base: PythonProgram, options: InstallOptions): Promise<void> {
  const { prefix, onProgress } = options
  onProgress({
    step: 'venv',
    message: `Making a virtual environment with Python ${base.version}`,
    isDetail: false,
  })
  // Over what a killed set-up left: links are made anew, packages already there are kept.
  await runStep(
    [base.path, '-I', '-m', 'venv', prefix],
    stepOptions(options, { step: 'venv', python: base.path }),
  )
}

async function installPackages(options: InstallOptions): Promise<void> {
  const { lockPath, requirements, onProgress } = options
  const install = await chooseInstaller(options)
  onProgress({ step: 'packages', message: 'Installing JupyterLab, Dask and their packages', isDetail: false })
  await install(['--require-hashes', '-r', lockPath])
  if (requirements === undefined) return
  onProgress({ step: 'packages', message: `Installing what ${requirements} names`, isDetail: false })
  await install(['-r', requirements])
}

/** uv, which takes a tenth of pip's time, or pip where uv is not to be had. */
async function chooseInstaller(options: InstallOptions): Promise<(args: readonly string[]) => Promise<void>> {
  const { prefix, onProgress } = options
  const python = join(prefix, 'bin', 'python')
  const uv = await ensureUv(options)
  const packages = stepOptions(options, { step: 'packages', python })
  if (uv === undefined) {
    const message = 'The installer uv is not to be had here: pip does it, which takes longer'
    onProgress({ step: 'installer', message, isDetail: false })
    return (args) => runStep([python, '-I', '-m', 'pip', 'install', '--no-input', ...args], packages)
  }
  const { stdout } = await run(python, ['-I', '-m', 'pip', 'config', 'list'], { env: options.environment })
  const environment = {
    ...buildUvEnvironment(stdout, options.environment),
    // Beside the environment: hard links instead of copies, and a killed set-up goes on where it was.
    UV_CACHE_DIR: cacheFolder(prefix),
    UV_PYTHON_DOWNLOADS: 'never',
    UV_NO_CONFIG: '1',
    VIRTUAL_ENV: prefix,
  }
  const command = [uv, 'pip', 'install', '--python', python, '--compile-bytecode'] as const
  return (args) => runStep([...command, ...args], { ...packages, environment })
}

/** uv by pip, in a folder of its own: users' environment holds only what the lock names. Undefined: none for this machine. */
async function ensureUv(options: InstallOptions): Promise<string | undefined> {
  const { prefix, onProgress, signal, log } = options
  const folder = join(cacheFolder(prefix), 'uv-program')
  const uv = join(folder, 'bin', 'uv')
  if (await works(uv)) return uv
  onProgress({ step: 'installer', message: 'Fetching the package installer', isDetail: false })
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
    if (worthTelling.test(message)) onProgress({ step, message, isDetail: true })
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
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
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
