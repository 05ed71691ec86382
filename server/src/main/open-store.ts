import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Config } from '#config/schema.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { openSqliteStore } from '#store/sqlite-store.ts'
import type { Store } from '#store/store.ts'

import type { DataFolder } from './data-folder.ts'

/** SQLite in the data folder, or PostgreSQL where the configuration names one; its client is loaded only then. */
export async function openStore(
  config: Config,
  data: DataFolder,
  deps: { clock: Clock; log: Logger; keepSchema?: boolean },
): Promise<Store> {
  const url = await readStoreUrl(config)
  if (url === undefined) return openSqliteStore({ path: data.database, ...deps })
  const { openPostgresStore } = await import('#store/postgres-store.ts')
  return openPostgresStore({ url, ...deps })
}

async function readStoreUrl({ store }: Config): Promise<string | undefined> {
  if (store.urlFile === undefined) return store.url
  return (await readFile(resolve(store.urlFile), 'utf8')).trim()
}
