import { constants } from 'node:fs'
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises'

import { within } from './owned-folders.ts'

/** What a folder holds on its disk. */
export interface FolderSize {
  bytes: number
  files: number
  /** False: there is more than was counted, since it lies too deep or is too many. */
  complete: boolean
}

interface Count extends FolderSize {
  device: number
  /** Files of several names that were counted. */
  linked: Set<number>
}

const childFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const blockBytes = 512
/** Each level holds a folder open. */
const deepest = 100
const mostFiles = 20_000_000
const atOnce = 64

/**
 * Adds up what is in an open folder, of its own file system alone. No link is followed, whoever changes what while it looks; what goes away
 * meanwhile does not count.
 */
export async function measureFolder(folder: FileHandle, signal: AbortSignal): Promise<FolderSize> {
  const { dev, blocks } = await folder.stat()
  const count: Count = {
    ...{ bytes: blocks * blockBytes, files: 0, complete: true },
    ...{ device: dev, linked: new Set() },
  }
  await add(count, folder, deepest, signal)
  const { bytes, files, complete } = count
  return { bytes, files, complete }
}

async function add(count: Count, folder: FileHandle, levels: number, signal: AbortSignal): Promise<void> {
  const children: Buffer[] = []
  let names: Buffer[] = []
  const look = async () => {
    await Promise.all(names.map((name) => addEntry(count, childOf(folder, name), name, children)))
    names = []
  }
  // One byte, one character: names need not be UTF-8.
  for await (const { name } of await opendir(`/proc/self/fd/${folder.fd}`, { encoding: 'latin1' })) {
    signal.throwIfAborted()
    if (count.files > mostFiles) {
      count.complete = false
      return
    }
    names.push(Buffer.from(name, 'latin1'))
    if (names.length >= atOnce) await look()
  }
  await look()
  if (levels === 0 && children.length > 0) count.complete = false
  else for (const name of children) await enter(count, childOf(folder, name), levels - 1, signal)
}

async function addEntry(count: Count, path: Buffer, name: Buffer, children: Buffer[]): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || found.dev !== count.device) return
  count.files += 1
  if (found.isDirectory()) children.push(name)
  else if (found.nlink > 1) {
    if (count.linked.has(found.ino)) return
    count.linked.add(found.ino)
  }
  count.bytes += found.blocks * blockBytes
}

async function enter(count: Count, path: Buffer, levels: number, signal: AbortSignal): Promise<void> {
  const child = await open(path, childFlags).catch(() => undefined)
  if (child === undefined) return
  await within(child, async () => {
    if ((await child.stat()).dev === count.device) await add(count, child, levels, signal)
  })
}

function childOf(folder: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder.fd}/`), name])
}
