import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { Config } from '#config/schema.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { openSqliteStore } from '#store/sqlite-store.ts'
import type { Store } from '#store/store.ts'

import type { DataFolder } from './data-folder.ts'
import { explainStoreFailure } from './explain-store-failure.ts'

/**
 * SQLite in the data folder, or PostgreSQL where the configuration names one; its client is loaded only then. Throws a `PlatformError` that says
 * which one could not be opened, and why.
 */
export async function openStore(
  config: Config,
  data: DataFolder,
  deps: { clock: Clock; log: Logger; keepSchema?: boolean },
): Promise<Store> {
  const url = await readStoreUrl(config)
  try {
    if (url === undefined) return await openSqliteStore({ path: data.database, ...deps })
    const { openPostgresStore } = await import('#store/postgres-store.ts')
    return await openPostgresStore({ url, ...deps })
  } catch (error) {
    throw explainStoreFailure(error, { file: data.database, url })
  }
}

async function readStoreUrl({ store }: Config): Promise<string | undefined> {
  const { url, urlFile } = store
  if (urlFile === undefined) return url
  try {
    return (await readFile(resolve(urlFile), 'utf8')).trim()
  } catch (cause) {
    throw new PlatformError('bad_request', {
      message: `The file ${resolve(urlFile)} (store.urlFile) cannot be read: it has to hold a line such as postgresql://user:password@host/database.`,
      cause,
    })
  }
}
