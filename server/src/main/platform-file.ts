import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { DataFolder } from './data-folder.ts'

/** What a running platform says of itself to programs on this machine: `DATA/platform.json`. No secrets. */
export interface PlatformFile {
  version: string
  /** Of the control plane. */
  pid: number
  publicUrl: string
  /** Unix socket of the control plane. */
  controlSocket: string
  /** File with the local administrator's token. */
  tokenFile: string
  /** Which scheduler runs users' servers. */
  driver: string
  /** Other processes of the platform, by name. */
  pids: Readonly<Record<string, number>>
}

const fileName = 'platform.json'

/** Replaces the file at once: a reader sees the old or the new one. */
export async function writePlatformFile(data: DataFolder, content: PlatformFile): Promise<void> {
  const path = join(data.root, fileName)
  await writeFile(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`)
  await rename(`${path}.new`, path)
}

/** Undefined when no platform runs here, as far as the file says. */
export async function readPlatformFile(data: DataFolder): Promise<PlatformFile | undefined> {
  try {
    return JSON.parse(await readFile(join(data.root, fileName), 'utf8')) as PlatformFile
  } catch {
    return undefined
  }
}

/** The platform has ended. */
export async function removePlatformFile(data: DataFolder): Promise<void> {
  await rm(join(data.root, fileName), { force: true })
}
