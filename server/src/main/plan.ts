import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { PlatformError } from '@atrium/contract/errors.ts'

import { ConfigError } from '#config/config-problem.ts'
import { loadConfig } from '#config/load-config.ts'
import type { Config } from '#config/schema.ts'
import { systemClock } from '#platform/clock.ts'
import { createLogger } from '#platform/log.ts'
import { listPendingMigrations } from '#store/migrate.ts'
import { openSqliteStore } from '#store/sqlite-store.ts'

import { type DataFolder, describeDataFolder } from './data-folder.ts'
import { readServices } from './hub-settings.ts'
import { openStore } from './open-store.ts'
import { type PlannedChange, planConfig } from './plan-config.ts'

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'atrium.yaml' },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

try {
  const config = await loadConfig(values.config)
  const changes = await plan(config, describeDataFolder(values.data ?? config.data ?? ''))
  console.log(values.json ? JSON.stringify({ changes }) : render(changes))
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof PlatformError)) throw error
  if (values.json) console.log(JSON.stringify({ error: error.message }))
  else console.error(error.message)
  process.exitCode = 1
}

async function plan(config: Config, data: DataFolder): Promise<readonly PlannedChange[]> {
  const log = createLogger({ name: 'plan', level: 'error' })
  const isNew =
    config.store.url === undefined && config.store.urlFile === undefined && !existsSync(data.database)
  const store = isNew
    ? await openSqliteStore({ path: ':memory:', clock: systemClock, log })
    : await openStore(config, data, { clock: systemClock, log, keepSchema: true })
  try {
    const pending = await listPendingMigrations(store.db)
    if (pending.length > 0) return pending.map((name) => ({ action: 'migrate', kind: 'schema', name }))
    const services = await readServices(config, undefined)
    const changes = await planConfig(store, systemClock, { identity: config, services })
    return isNew ? [{ action: 'create', kind: 'platform', name: data.root }, ...changes] : changes
  } finally {
    await store.close()
  }
}

function render(changes: readonly PlannedChange[]): string {
  if (changes.length === 0) return 'Nothing would change.'
  const signs = { create: '+', change: '~', remove: '-', migrate: '^' }
  return changes.map(({ action, kind, name }) => `${signs[action]} ${action} ${kind} ${name}`).join('\n')
}
