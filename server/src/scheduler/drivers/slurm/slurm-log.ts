import { createHmac } from 'node:crypto'
import { constants } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import type { JobKey } from '#scheduler/job.ts'
import { type ReadLogOptions, readLog } from '#scheduler/log-file.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'

type LogConfig = Pick<SlurmSchedulerConfig, 'logFolder' | 'logKey'>

/**
 * Where a job's output is: in a folder that everybody can put files in and nobody can list, under a name that nobody can guess, so that no
 * other user can be there first.
 */
export function buildLogPath({ logFolder, logKey }: LogConfig, key: JobKey): string {
  const name = createHmac('sha256', logKey).update(`log ${key}`).digest('base64url')
  return join(logFolder, name)
}

/** A job's output, if the file is really its owner's; nothing when there is none (yet). */
export async function* readSlurmLog(
  options: Omit<ReadLogOptions, 'path'> & { path: string; uid: number },
): AsyncGenerator<Uint8Array> {
  if (!(await isOwned(options.path, options.uid))) return
  yield* readLog(options)
}

/** Whether there is a regular file of this owner. */
export async function isOwned(path: string, uid: number): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      return stat.isFile() && stat.uid === uid
    } finally {
      await file.close()
    }
  } catch {
    return false
  }
}

/** Throws nothing: what cannot be removed is left. */
export async function removeLog(path: string): Promise<void> {
  await unlink(path).catch(() => {})
}
