import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'

import { keyBytes, readKey } from '#platform/key-file.ts'

/** Linux's limit for a socket's path, less a file name of ours. */
const longestSocketFolder = 107 - '/agent.sock'.length
const othersMayPass = 0o001

/** Where the platform keeps what. */
export interface DataFolder {
  root: string
  database: string
  /** 0700: keys and the local administrator's token. */
  keys: string
  /** Folder of the keys that were given from outside; undefined: they are made in `keys`. */
  givenKeys: string | undefined
  /** 0700: sockets and pid files; elsewhere when the data folder's path is too long for a socket. */
  run: string
  logs: string
  jobs: string
  homes: string
  environments: string
  /** What the platform gives users' jobs of Python: everybody may read it. */
  python: string
}

/** `/var/lib/atrium` as root, so that other users' jobs can read the environments; else the XDG data folder. */
export function findDefaultDataFolder(environment: NodeJS.ProcessEnv): string {
  if (process.getuid?.() === 0) return '/var/lib/atrium'
  return join(environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'atrium')
}

/** Names the parts of a data folder without touching the disk. */
export function describeDataFolder(
  root: string,
  { givenKeys }: { givenKeys?: string | undefined } = {},
): DataFolder {
  const absolute = resolve(root)
  const run = join(absolute, 'run')
  return {
    root: absolute,
    database: join(absolute, 'atrium.db'),
    keys: join(absolute, 'keys'),
    givenKeys: givenKeys === undefined ? undefined : resolve(givenKeys),
    run: Buffer.byteLength(run) <= longestSocketFolder ? run : shortRunFolder(absolute),
    logs: join(absolute, 'logs'),
    jobs: join(absolute, 'jobs'),
    homes: join(absolute, 'homes'),
    environments: join(absolute, 'environments'),
    python: join(absolute, 'python'),
  }
}

/** Makes what is missing. Throws `storage_full` or a `bad_request` that says what to do. */
export async function ensureDataFolder(folder: DataFolder): Promise<void> {
  try {
    for (const path of [folder.root, folder.homes, folder.environments, folder.python])
      await mkdir(path, { recursive: true, mode: 0o755 })
    await checkReach(folder.homes)
    for (const path of [folder.keys, folder.run, folder.logs, folder.jobs]) await ensurePrivateFolder(path)
  } catch (error) {
    throw describeFolderError(error, folder.root)
  }
}

/** From which keys follow that were not given. */
const sourceKey = 'sealing.key'

/**
 * The key of this name: 32 secret bytes, the same for all who ask on all replicas. Made at the first call in a file that only the platform
 * reads, or given from outside. Throws `bad_request` with a sentence that names the file.
 */
export async function ensureKey(folder: DataFolder, name: string): Promise<Buffer> {
  if (folder.givenKeys !== undefined) return findGivenKey(folder.givenKeys, name)
  const path = join(folder.keys, name)
  try {
    await writeFile(path, randomBytes(keyBytes), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw describeFolderError(error, folder.keys)
  }
  const key = await readFile(path)
  if (key.length !== keyBytes) {
    throw new PlatformError('internal', {
      message: `The key file ${path} is damaged: restore it from a backup.`,
    })
  }
  return key
}

/** Replicas that were given one key derive the same others from it. */
async function findGivenKey(folder: string, name: string): Promise<Buffer> {
  try {
    return await readGivenKey(folder, name)
  } catch (error) {
    if (name === sourceKey || !isPlatformError(error, 'not_found')) throw error
    const source = await readGivenKey(folder, sourceKey)
    return Buffer.from(hkdfSync('sha256', source, '', `atrium ${name}`, keyBytes))
  }
}

/** Reads a key that was given from outside. Throws `not_found` or `bad_request` with a sentence that names the file. */
export async function readGivenKey(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name)
  try {
    return readKey(path, await readFile(path))
  } catch (error) {
    const isMissing = isCode(error, 'ENOENT')
    throw new PlatformError(isMissing ? 'not_found' : 'bad_request', {
      message: isMissing
        ? `There is no ${name} in ${folder}, the folder for keys that the configuration names.`
        : `A key cannot be read: ${(error as Error).message}.`,
      cause: error,
    })
  }
}

async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const { uid } = await stat(path)
  if (uid !== process.getuid?.()) {
    throw new PlatformError('forbidden', {
      message: `${path} belongs to another user (uid ${uid}). Start the platform as that user, or choose another data folder with --data DIR.`,
    })
  }
  await chmod(path, 0o700)
}

/** As root, jobs run as other users: they have to get to their homes and environments. */
async function checkReach(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    const { mode } = await stat(folder)
    if ((mode & othersMayPass) === 0) {
      throw new PlatformError('forbidden', {
        message: `Users' servers run under accounts of their own and cannot pass ${folder}. Run \`chmod o+x ${folder}\`, or choose another folder with --data DIR.`,
      })
    }
  }
}

function shortRunFolder(root: string): string {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16)
  return join(tmpdir(), `atrium-${process.getuid?.() ?? 0}-${name}`)
}

function describeFolderError(error: unknown, path: string): unknown {
  if (isCode(error, 'ENOSPC'))
    return new PlatformError('storage_full', { message: `The disk of ${path} is full.`, cause: error })
  if (isCode(error, 'EACCES') || isCode(error, 'EPERM') || isCode(error, 'EROFS')) {
    return new PlatformError('forbidden', {
      message: `The data folder ${path} cannot be written. Choose another with --data DIR.`,
      cause: error,
    })
  }
  if (isCode(error, 'EEXIST') || isCode(error, 'ENOTDIR')) {
    return new PlatformError('bad_request', {
      message: `The data folder ${path} is no folder, or a file stands on the way to it. Choose another with --data DIR.`,
      cause: error,
    })
  }
  return error
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
