import { execFile } from 'node:child_process'
import { realpath, stat } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { PlatformError } from '@atrium/contract/errors.ts'

const run = promisify(execFile)

/** The oldest Python the default environment's packages support. */
const oldest = [3, 10] as const
const newestTried = 14
const probeTimeoutMs = 20_000

/** A Python that environments can be made of. */
export interface PythonProgram {
  path: string
  /** Three numbers. */
  version: string
}

interface Candidate extends PythonProgram {
  /** It can make virtual environments with pip in them; Debian ships that apart. */
  hasVenv: boolean
}

/**
 * The first Python that will do. `mustBeShared`: other users' processes will run it, so all folders on the way to it have
 * to let them through. Throws a `bad_request` that says what to install.
 */
export async function findPython(options: {
  mustBeShared: boolean
  signal: AbortSignal
  /** As the variable PATH. */
  searchPath?: string | undefined
  systemFolders?: readonly string[]
}): Promise<PythonProgram> {
  const problems: string[] = []
  for (const path of listCandidates(options)) {
    const found = await probe(path, options.signal)
    if (typeof found === 'string') {
      if (found !== 'absent') problems.push(`${path}: ${found}`)
      continue
    }
    const closed = options.mustBeShared ? await findClosedFolder(path) : undefined
    if (closed !== undefined) problems.push(`${path}: other users cannot read ${closed}`)
    else if (!isRecent(found.version)) problems.push(`${path}: version ${found.version}`)
    else if (!found.hasVenv) problems.push(`${path}: without the venv and ensurepip modules`)
    else return found
  }
  throw new PlatformError('bad_request', {
    message: [
      'No Python 3.10 or newer with venv was found for the notebook environment.',
      'On Debian or Ubuntu: apt install python3 python3-venv.',
      ...(problems.length > 0 ? [`Looked at: ${problems.join('; ')}.`] : []),
    ].join(' '),
  })
}

/** The system's own first where other users have to read it, else the one the caller's shell would take. */
function listCandidates({
  mustBeShared,
  searchPath,
  systemFolders: system = ['/usr/bin', '/usr/local/bin'],
}: {
  mustBeShared: boolean
  searchPath?: string | undefined
  systemFolders?: readonly string[]
}): string[] {
  const personal = (searchPath ?? '').split(delimiter).filter((folder) => folder.startsWith('/'))
  const folders = mustBeShared ? [...system, ...personal] : [...personal, ...system]
  const versions = Array.from({ length: newestTried - oldest[1] + 1 }, (_, index) => newestTried - index)
  const names = ['python3', ...versions.map((minor) => `python3.${minor}`)]
  return [...new Set(names.flatMap((name) => folders.map((folder) => join(folder, name))))]
}

const question =
  'import importlib.util as u, json, sys;' +
  'print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3],' +
  ' "hasVenv": bool(u.find_spec("venv") and u.find_spec("ensurepip"))}))'

async function probe(path: string, signal: AbortSignal): Promise<Candidate | string> {
  try {
    const { stdout } = await run(path, ['-I', '-c', question], { signal, timeout: probeTimeoutMs })
    return { path, ...(JSON.parse(stdout) as { version: string; hasVenv: boolean }) }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'absent'
    return 'it does not run'
  }
}

/** True when this program is a Python new enough for us that runs here. */
export async function isUsablePython(path: string, signal: AbortSignal): Promise<boolean> {
  const found = await probe(path, signal)
  return typeof found !== 'string' && isRecent(found.version)
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

/** The first folder or file, from the top, that others may not pass through. */
async function findClosedFolder(path: string): Promise<string | undefined> {
  const program = await realpath(path)
  for (const part of listParents(program)) {
    const { mode } = await stat(part)
    if ((mode & 0o001) === 0) return part
  }
  return undefined
}

/** The path itself last. */
export function listParents(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...listParents(parent), path]
}
