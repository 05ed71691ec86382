import { PlatformError } from '@atrium/contract/errors.ts'

import type { ReadableDatabase } from '#store/store.ts'

import { isDisplayName, isServerName, normalizeDisplayName } from './server-name.ts'

/** A named server that somebody wants to exist. */
export interface WantedServer {
  userId: number
  user: string
  name: string
  displayName: string
  /** False: another named server becomes this one. */
  adds: boolean
}

/**
 * Checks the names and that there is not one too many, and answers the display name as it is kept. The name of a server that exists passes,
 * whatever it is. Throws `bad_request` in JupyterHub's words.
 */
export async function checkNamedServer(
  db: ReadableDatabase,
  limit: number,
  wanted: WantedServer,
): Promise<string> {
  if (limit === 0) throw refusal('Named servers are not enabled.')
  const names = await listServerNames(db, wanted.userId)
  const isNew = wanted.name !== '' && !names.has(wanted.name)
  if (isNew && wanted.adds) checkCount(names, limit, wanted.user)
  if (isNew && !isServerName(wanted.name))
    throw refusal(`Invalid server_name: ${JSON.stringify(wanted.name)}`)
  const displayName = normalizeDisplayName(wanted.displayName)
  if (!isDisplayName(displayName))
    throw refusal(`Invalid display_name: ${JSON.stringify(wanted.displayName)}`)
  return displayName
}

function checkCount(names: ReadonlySet<string>, limit: number, user: string): void {
  const named = names.size - (names.has('') ? 1 : 0)
  if (named < limit) return
  throw refusal(
    `User ${user} already has the maximum of ${limit} named servers.  One must be deleted before a new server can be created`,
  )
}

async function listServerNames(db: ReadableDatabase, userId: number): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('servers').select('name').where('user_id', '=', userId).execute()
  return new Set(rows.map(({ name }) => name))
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
