import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, opendir } from 'node:fs/promises'

import { PlatformError } from '@atrium/contract/errors.ts'

/** Makes folders that belong to users and groups, below one root that jobs see parts of. The process has to be root, or hold its rights to chown. */
export interface OwnedFolders {
  /**
   * ROOT/homes/FOLDER, its owner's alone. Repeatable. Throws `conflict` when what is there is no folder or is somebody else's,
   * `storage_full`, and `forbidden` where the root is not fit for it.
   */
  ensureHome(home: HomeFolder): Promise<void>
  /** ROOT/groups/FOLDER: members may do everything in it, nobody else anything. Throws as `ensureHome`. */
  ensureGroup(group: { folder: string; gid: number }): Promise<void>
  /** Whether folders could be made just now; throws why not. */
  check(): Promise<void>
}

export interface HomeFolder {
  folder: string
  uid: number
  gid: number
}

/** What lies below the root. */
export type FolderKind = 'homes' | 'groups'

const safeFolder = /^[a-z0-9_][a-z0-9_-]{0,62}$/
/** Others pass, and cannot list who there is. */
const kindMode = 0o711
const homeMode = 0o700
/** With setgid: what is made in it is the group's, too. */
const groupMode = 0o2770
const othersMayWrite = 0o022
/** What a file system says that is not mounted, or whose server is away. */
const absences = ['ENOENT', 'ESTALE', 'EIO', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT']
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * Each step goes from an open folder to an entry of it and follows no link, and the folders that homes lie in are nobody's but ours to write
 * in. So nothing that a user does can move a home or have another folder given away.
 */
export function createOwnedFolders({ root }: { root: string }): OwnedFolders {
  return {
    async ensureHome({ folder, uid, gid }) {
      await ensure(root, 'homes', folder, { uid, gid, mode: homeMode }, (found) =>
        found.uid === uid
          ? undefined
          : `The home folder homes/${folder} belongs to user id ${found.uid}, not to ${uid}. An administrator must move it or give it away.`,
      )
    },
    async ensureGroup({ folder, gid }) {
      const uid = process.geteuid?.() ?? 0
      await ensure(root, 'groups', folder, { uid, gid, mode: groupMode }, (found) =>
        found.gid === gid
          ? undefined
          : `The group folder groups/${folder} belongs to group id ${found.gid}, not to ${gid}. An administrator must move it or give it away.`,
      )
    },
    async check() {
      for (const kind of ['homes', 'groups'] as const) await (await openKind(root, kind)).close()
    },
  }
}

interface Identity {
  uid: number
  gid: number
}

/** `judge`: why what is there is not to be used. */
async function ensure(
  root: string,
  kind: FolderKind,
  name: string,
  wanted: Identity & { mode: number },
  judge: (found: Identity) => string | undefined,
): Promise<void> {
  checkName(name)
  await within(await openKind(root, kind), async (parent) => {
    const path = entryOf(parent, name)
    try {
      const isNew = await make(path, homeMode)
      await within(await openEntry(path, `${kind}/${name}`), async (folder) => {
        const found = await folder.stat()
        const why = judge(found)
        if (why === undefined) return
        const isUnfinished = found.uid === process.geteuid?.() && (isNew || (await isEmpty(folder)))
        if (!isUnfinished) throw new PlatformError('conflict', { message: why })
        // The mode first: once it is given away, setgid is no longer ours to set without more rights.
        await folder.chmod(wanted.mode)
        await folder.chown(wanted.uid, wanted.gid)
      })
    } catch (error) {
      throw explain(error, `${kind}/${name}`)
    }
  })
}

/** Nobody else can write in what it answers, which the caller closes. */
async function openKind(root: string, kind: FolderKind): Promise<FileHandle> {
  try {
    return await within(await openRoot(root), async (top) => {
      const path = entryOf(top, kind)
      if (await make(path, kindMode))
        await within(await openEntry(path, kind), (made) => made.chmod(kindMode))
      const folder = await openEntry(path, kind)
      const { uid, mode } = await folder.stat()
      if (uid === process.geteuid?.() && (mode & othersMayWrite) === 0) return folder
      await folder.close()
      throw new PlatformError('forbidden', {
        message: `Others can write in ${kind} of the storage (uid ${uid}, mode ${(mode & 0o7777).toString(8)}), so nothing in it is safe. Run \`chown root ${kind} && chmod ${kindMode.toString(8)} ${kind}\` there.`,
      })
    })
  } catch (error) {
    throw explain(error, kind)
  }
}

async function openRoot(root: string): Promise<FileHandle> {
  try {
    return await openEntry(root, root)
  } catch (error) {
    if (!absences.some((code) => isCode(error, code))) throw error
    throw new PlatformError('scheduler_unavailable', {
      message: `The storage with homes is not at ${root} now. An administrator must mount it again; what waits for it goes on then.`,
      cause: error,
    })
  }
}

/** A folder that is there already; the caller closes it. Throws where there is none. */
export async function openOwnedFolder(root: string, kind: FolderKind, folder: string): Promise<FileHandle> {
  checkName(folder)
  return within(await openKind(root, kind), (parent) =>
    openEntry(entryOf(parent, folder), `${kind}/${folder}`),
  )
}

/** Closes it afterwards. */
export async function within<T>(folder: FileHandle, work: (folder: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(folder)
  } finally {
    await folder.close()
  }
}

/** The open folder's entry, wherever the folder is by now (proc(5)). */
function entryOf(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`
}

function checkName(name: string): void {
  if (!safeFolder.test(name)) throw new PlatformError('bad_request', { message: 'Not the name of a folder.' })
}

async function openEntry(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, folderFlags)
  } catch (error) {
    if (isCode(error, 'ELOOP') || isCode(error, 'ENOTDIR'))
      throw new PlatformError('conflict', { message: `${shown} of the storage is no folder.`, cause: error })
    throw error
  }
}

/** False when something is there already. */
async function make(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode })
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Made and not yet given away by a process that was killed; or by a kubelet, which makes what it is to mount. */
async function isEmpty(folder: FileHandle): Promise<boolean> {
  const entries = await opendir(entryOf(folder, '.'))
  try {
    return (await entries.read()) === null
  } finally {
    await entries.close()
  }
}

function explain(error: unknown, shown: string): unknown {
  if (error instanceof PlatformError) return error
  if (isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT'))
    return new PlatformError('storage_full', { message: 'The storage is full.', cause: error })
  if (isCode(error, 'EPERM') || isCode(error, 'EACCES') || isCode(error, 'EROFS'))
    return new PlatformError('forbidden', {
      message: `${shown} of the storage cannot be made or given to its owner (${(error as NodeJS.ErrnoException).code}). The storage has to let root do that: of NFS, export it with no_root_squash.`,
      cause: error,
    })
  return error
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
