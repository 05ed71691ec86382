import { chown, lstat, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

/** Whose home it is. */
export interface HomeOwner {
  /** One part of a path, from `UnixAccount.folder`. */
  folder: string
  uid?: number
  gid?: number
  /** Elsewhere than among the platform's homes. */
  home?: string
}

/** Users' home folders. They stay when a user is deleted. */
export interface Homes {
  /**
   * The absolute path of the home, made with mode 0700 if it is not there. Throws `conflict` when what is there belongs to somebody else,
   * `storage_full` when the disk is full.
   */
  ensure(owner: HomeOwner): Promise<string>
}

const safeFolder = /^[a-z0-9_][a-z0-9_-]*$/

/** Homes below `root`, a folder that only the platform writes in: nobody can put a link in a home's place before it is made. */
export function createHomes({ root }: { root: string }): Homes {
  return {
    async ensure(owner) {
      const path = owner.home ?? joinSafely(root, owner.folder)
      if (await makeFolder(path, owner)) return path
      await checkOwner(path, owner)
      return path
    },
  }
}

/** Homes that the nodes' own system makes and looks after: this machine may not even see them. */
export function createAccountHomes(): Homes {
  return {
    async ensure({ home, folder }) {
      if (home === undefined) throw new PlatformError('internal', { detail: { folder } })
      return home
    },
  }
}

function joinSafely(root: string, folder: string): string {
  if (!safeFolder.test(folder)) throw new PlatformError('internal', { detail: { folder } })
  return join(root, folder)
}

/** False when something is there already. */
async function makeFolder(path: string, { uid, gid, home }: HomeOwner): Promise<boolean> {
  try {
    if (home !== undefined && !(await isOurs(dirname(path)))) return false
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    if (isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT'))
      throw new PlatformError('storage_full', { cause: error })
    throw error
  }
  if (uid !== undefined) await chown(path, uid, gid ?? uid)
  return true
}

/** A folder that others can write in is no place to make a home in. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.()
}

async function checkOwner(path: string, { uid }: HomeOwner): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    throw new PlatformError('conflict', { message: `The home folder ${path} is not there, or is no folder.` })
  }
  if (uid !== undefined && found.uid !== uid) {
    throw new PlatformError('conflict', {
      message: `The home folder ${path} belongs to user id ${found.uid}, not to ${uid}. An administrator must move it or give it away.`,
    })
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
