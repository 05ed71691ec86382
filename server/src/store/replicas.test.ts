import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { sql } from 'kysely'

import { waitFor } from '#platform/wait-for.ts'
import type { Change } from './store.ts'
import { testStoreKinds } from './testing.ts'

const postgres = testStoreKinds.find(({ kind }) => kind === 'postgres')
const skip = postgres === undefined ? 'PostgreSQL is not installed here' : false

describe('replicas on PostgreSQL', { skip }, () => {
  test('hear of each other’s changes, and of many at once as a change of everything of the topic', async (t) => {
    const { first, second, heard } = await openReplicas(t)
    await first.transaction(async (tx) => tx.changed('user', 'alice'))
    await waitFor('the change', () => heard.length === 1)
    assert.deepEqual(heard, [{ topic: 'user', key: 'alice' }])
    await second.transaction(async (tx) => {
      for (let user = 0; user < 1000; user++) tx.changed('token', `token number ${user}`)
    })
    assert.equal(heard.length, 1001, 'its own changes are told one by one')
    await first.transaction(async (tx) => {
      for (let user = 0; user < 1000; user++) tx.changed('token', `token number ${user}`)
    })
    await waitFor('the summary', () => heard.some(({ topic, key }) => topic === 'token' && key === '*'))
  })

  test('a lost connection of the feed is told as a change of everything once it is back', async (t) => {
    const { first, heard } = await openReplicas(t)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'atrium-changes' and datname = current_database()`.execute(first.db)
    await waitFor('the feed', () => heard.some(({ topic, key }) => topic === 'session' && key === '*'))
    heard.length = 0
    await waitFor('changes after it', async () => {
      await first.transaction(async (tx) => tx.changed('user', 'bob'))
      return heard.some(({ key }) => key === 'bob')
    })
  })

  test('two that start at once on an empty database bring its schema up together', async (t) => {
    const site = await postgres?.createSite()
    assert.ok(site)
    const stores = await Promise.all([site.open(), site.open(), site.open()])
    t.after(async () => {
      for (const store of stores) await store.close()
      await site.dispose()
    })
    for (const store of stores) assert.deepEqual(await store.db.selectFrom('users').selectAll().execute(), [])
  })
})

async function openReplicas(t: { after(action: () => Promise<void>): void }) {
  const site = await postgres?.createSite()
  assert.ok(site)
  const first = await site.open()
  const second = await site.open()
  t.after(async () => {
    await first.close()
    await second.close()
    await site.dispose()
  })
  const heard: Change[] = []
  second.onChange((changes) => heard.push(...changes))
  return { first, second, heard }
}
