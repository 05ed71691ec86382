/**
 * Tests only, run as a program: writes rows to `settings` as a replica of the version before would, one transaction after another, until
 * its standard input ends. Then it prints how many it wrote.
 */
import { randomUUID } from 'node:crypto'

import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { openPostgresStore } from './postgres-store.ts'
import { openSqliteStore } from './sqlite-store.ts'

const [location = ''] = process.argv.slice(2)
const options = { clock: systemClock, log: createSilentLogger(), keepSchema: true }
const store = await (location.startsWith('postgres')
  ? openPostgresStore({ ...options, url: location })
  : openSqliteStore({ ...options, path: location }))
let isEnding = false
process.stdin.on('end', () => {
  isEnding = true
})
process.stdin.resume()
let written = 0
while (!isEnding) {
  await store.transaction(async ({ db }) => {
    await db.insertInto('settings').values({ key: randomUUID(), value: '1' }).execute()
    // The row that the migration changes too.
    await db
      .updateTable('users')
      .set({ last_activity: systemClock.now() })
      .where('name', '=', 'bob')
      .execute()
  })
  if (++written === 1) process.stdout.write('writing\n')
  await systemClock.sleep(1)
}
process.stdout.write(`${written}\n`)
await store.close()
