import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { Config } from '#config/schema.ts'

/** Folders that all nodes see under these paths. */
export interface SharedFolder {
  /** Everybody can put files in, whose group is the platform's, and nobody but the platform can list or remove them. */
  logs: string
  /** What the platform gives nodes to run. */
  node: string
}

const readableByAll = 0o755
/** setgid, sticky; for others to pass and to write, not to read. */
const dropBox = 0o3733
const othersMayWrite = 0o022
const othersMayPass = 0o001

/** Makes what is missing of it. Throws a `forbidden` that says what to do where it cannot serve, or could be meddled with. */
export async function ensureSharedFolder(root: string): Promise<SharedFolder> {
  const folder = { logs: join(root, 'logs'), node: join(root, 'node') }
  try {
    await mkdir(root, { recursive: true, mode: readableByAll })
    await checkOurs(root)
    await checkReach(root)
    await mkdir(folder.node, { recursive: true, mode: readableByAll })
    await checkOurs(folder.node)
    await mkdir(folder.logs, { recursive: true, mode: 0o700 })
    // A parent with setgid would have given it another group: then not we, but that group could read what users print.
    await chown(folder.logs, process.getuid?.() ?? -1, process.getgid?.() ?? -1)
    await chmod(folder.logs, dropBox)
  } catch (error) {
    throw explain(error, root)
  }
  return folder
}

async function checkOurs(path: string): Promise<void> {
  const { uid, mode } = await stat(path)
  const us = process.getuid?.()
  if (uid !== us)
    throw refuse(
      `${path} belongs to another user (uid ${uid}). Give it to the platform's: chown ${us} ${path}.`,
    )
  if ((mode & othersMayWrite) !== 0)
    throw refuse(`Others can write in ${path}, and so decide what nodes run. Run \`chmod go-w ${path}\`.`)
}

async function checkReach(path: string): Promise<void> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    const { mode } = await stat(folder)
    if ((mode & othersMayPass) === 0)
      throw refuse(`Users' jobs cannot pass ${folder}. Run \`chmod o+x ${folder}\`.`)
  }
}

function refuse(message: string): PlatformError {
  return new PlatformError('forbidden', { message: `scheduler.slurm.shared: ${message}` })
}

function explain(error: unknown, root: string): unknown {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(error.code))
      return refuse(`${root} cannot be used (${error.code}): make it, and give it to the platform's user.`)
  return error
}

/** The one of the configuration; without one it would not have been taken. */
export function getSharedFolder({ scheduler }: Config): string {
  if (scheduler.slurm.shared === undefined)
    throw new PlatformError('internal', { detail: 'no shared folder' })
  return resolve(scheduler.slurm.shared)
}

/** Where the default environment is unless the configuration says: nodes have to see it. */
export function findSharedEnvironment(config: Config): string | undefined {
  return config.scheduler.driver === 'slurm'
    ? join(getSharedFolder(config), 'environments', 'default')
    : undefined
}
