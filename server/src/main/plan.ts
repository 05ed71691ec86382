import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'

import type { Config } from '#config/schema.ts'
import { systemClock } from '#platform/clock.ts'
import { createLogger } from '#platform/log.ts'
import { listPendingMigrations } from '#store/migrate.ts'
import { openSqliteStore } from '#store/sqlite-store.ts'

import { type DataFolder, describeDataFolder } from './data-folder.ts'
import { readServices } from './hub-settings.ts'
import { openStore } from './open-store.ts'
import { type PlannedChange, planConfig } from './plan-config.ts'
import { reportFailure } from './report-failure.ts'
import { chooseDataFolder, readConfig } from './start-options.ts'

const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

try {
  const config = await readConfig(values.config)
  const changes = await plan(config, describeDataFolder(chooseDataFolder(values.data, config, process.env)))
  console.log(values.json ? JSON.stringify({ changes }) : render(changes))
} catch (error) {
  reportFailure(error, { json: values.json })
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
