import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { createSecret } from '#platform/secret.ts'

import { type DataFolder, ensureKey } from './data-folder.ts'

/** The service that the command line is on this machine. */
export const localAdministrator = 'atrium-cli'

/** Where its token is; who can read it administers the platform. */
export function findTokenFile(data: DataFolder): string {
  return join(data.keys, 'cli-token')
}

/**
 * The token of the command line on this machine, made at the first start. Replicas with data folders of their own and keys that were given to
 * them all have the same.
 */
export async function ensureLocalToken(data: DataFolder): Promise<string> {
  const path = findTokenFile(data)
  if (data.givenKeys !== undefined) {
    const token = (await ensureKey(data, 'cli-token')).toString('base64url')
    await rm(path, { force: true })
    await writeFile(path, `${token}\n`, { mode: 0o600 })
    return token
  }
  try {
    await writeFile(path, `${createSecret()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return (await readFile(path, 'utf8')).trim()
}
