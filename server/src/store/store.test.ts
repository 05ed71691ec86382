import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isUniqueViolation } from './database-errors.ts'
import type { Change } from './store.ts'
import { testStoreKinds } from './testing.ts'

for (const { kind, createSite } of testStoreKinds) {
  describe(`store on ${kind}`, () => {
    test('announces changes after the commit and drops those of a rollback', async (t) => {
      const site = await createSite()
      const store = await site.open()
      t.after(async () => {
        await store.close()
        await site.dispose()
      })
      const seen: Change[] = []
      store.onChange((changes) => seen.push(...changes))
      await store.transaction(async (tx) => {
        tx.changed('user', 'alice')
        assert.deepEqual(seen, [])
      })
      assert.deepEqual(seen, [{ topic: 'user', key: 'alice' }])
      await assert.rejects(
        store.transaction(async (tx) => {
          tx.changed('user', 'bob')
          throw new Error('no')
        }),
      )
      assert.equal(seen.length, 1)
    })

    test('gives a lease to one holder, fences the one before, takes it over after its time or when the clock was set back', async (t) => {
      const site = await createSite()
      let now = 1_000_000
      const clock = { now: () => now, monotonic: () => now, sleep: async () => {} }
      const first = await site.open({ clock })
      const second = await site.open({ clock })
      t.after(async () => {
        await first.close()
        await second.close()
        await site.dispose()
      })
      const lease = await first.acquireLease('reconciler', 'a', 1000)
      assert.ok(lease)
      assert.equal(await second.acquireLease('reconciler', 'b', 1000), undefined)
      assert.equal((await first.acquireLease('reconciler', 'a', 1000))?.fence, lease.fence)
      now += 1001
      const taken = await second.acquireLease('reconciler', 'b', 1000)
      assert.ok(taken && taken.fence > lease.fence)
      await assert.rejects(
        first.transaction((tx) => first.assertLease(tx, lease)),
        { code: 'lease_lost' },
      )
      await second.transaction((tx) => second.assertLease(tx, taken))
      now -= 30_000
      assert.equal(await first.acquireLease('reconciler', 'a', 1000), undefined)
      now -= 24 * 3_600_000
      assert.ok(await first.acquireLease('reconciler', 'a', 1000))
    })

    test('numbers come back as numbers and a second of the same name is a unique violation', async (t) => {
      const site = await createSite()
      const store = await site.open()
      t.after(async () => {
        await store.close()
        await site.dispose()
      })
      const add = () =>
        store.transaction(({ db }) =>
          db
            .insertInto('users')
            .values({ name: 'alice', created_at: 1_790_000_000_000 })
            .returningAll()
            .executeTakeFirstOrThrow(),
        )
      const user = await add()
      assert.equal(user.created_at, 1_790_000_000_000)
      assert.equal(user.id, 1)
      await assert.rejects(add(), isUniqueViolation)
    })
  })
}
