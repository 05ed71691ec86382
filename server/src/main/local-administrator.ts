import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { createSecret } from '#platform/secret.ts'

import type { DataFolder } from './data-folder.ts'

/** The service that the command line is on this machine. */
export const localAdministrator = 'atrium-cli'

/** Where its token is; who can read it administers the platform. */
export function findTokenFile(data: DataFolder): string {
  return join(data.keys, 'cli-token')
}

/** The token of the command line on this machine, made at the first start. */
export async function ensureLocalToken(data: DataFolder): Promise<string> {
  const path = findTokenFile(data)
  try {
    await writeFile(path, `${createSecret()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return (await readFile(path, 'utf8')).trim()
}
