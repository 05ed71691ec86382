import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createFakeClock, type FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'
import { createLeadership } from './leadership.ts'
import type { Store } from './store.ts'
import { testStoreKinds } from './testing.ts'

const leaseMs = 3000

function campaign(store: Store, clock: FakeClock, replica: string) {
  const terms: { fence: number; over: boolean }[] = []
  const leadership = createLeadership({
    store,
    clock,
    name: 'test',
    replica,
    leaseMs,
    log: createSilentLogger(),
    parts: [
      async ({ lease, signal }) => {
        const term = { fence: lease.fence, over: false }
        terms.push(term)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        term.over = true
      },
      async () => {
        throw new Error('one part that breaks off does not end the term')
      },
    ],
  })
  leadership.start()
  return { terms, leadership }
}

/** Lets time pass until the condition holds. */
function until(what: string, clock: FakeClock, condition: () => boolean): Promise<unknown> {
  return waitFor(what, async () => {
    if (condition()) return true
    // Only while somebody sleeps: an answer of the store takes real time, in which none must pass here.
    if (clock.sleepers > 0) await clock.advance(leaseMs / 3)
    return false
  })
}

for (const kind of testStoreKinds) {
  describe(`leadership on ${kind.kind}`, () => {
    const withStore = async (check: (store: Store, clock: FakeClock) => Promise<void>) => {
      const clock = createFakeClock()
      const site = await kind.createSite()
      const store = await site.open({ clock })
      try {
        await check(store, clock)
      } finally {
        await store.close()
        await site.dispose()
      }
    }

    test('one of two leads, and the other takes over at once when it leaves', () =>
      withStore(async (store, clock) => {
        const first = campaign(store, clock, 'first')
        await until('the first to lead', clock, () => first.terms.length === 1)
        const second = campaign(store, clock, 'second')
        for (let look = 0; look < 9; look++) {
          await waitFor('both to sleep', () => clock.sleepers >= 2)
          await clock.advance(leaseMs / 3)
        }
        assert.equal(second.terms.length, 0)
        await first.leadership.close()
        assert.equal(first.terms[0]?.over, true)
        await until('the second to lead', clock, () => second.terms.length === 1)
        assert.ok((second.terms[0]?.fence ?? 0) > (first.terms[0]?.fence ?? 0))
        await second.leadership.close()
      }))

    test('a leader whose lease was taken stops its work', () =>
      withStore(async (store, clock) => {
        const leader = campaign(store, clock, 'first')
        await until('it to lead', clock, () => leader.terms.length === 1)
        const lease = await waitFor('the lease', () => store.acquireLease('test', 'first', 0))
        await store.releaseLease(lease)
        assert.ok(await store.acquireLease('test', 'other', 60_000))
        await until('the end of its term', clock, () => leader.terms[0]?.over === true)
        await leader.leadership.close()
      }))

    test('a leader leads on while the store is silent for less than its lease, and not for longer', () =>
      withStore(async (store, clock) => {
        const silent = { now: false }
        const acquireLease: Store['acquireLease'] = (...lease) =>
          silent.now ? Promise.reject(new Error('no answer')) : store.acquireLease(...lease)
        const leader = campaign({ ...bind(store), acquireLease }, clock, 'first')
        await until('it to lead', clock, () => leader.terms.length === 1)
        await waitFor('it to sleep', () => clock.sleepers > 0)
        silent.now = true
        await clock.advance(leaseMs / 3)
        assert.equal(leader.terms[0]?.over, false)
        await until('the end of its term', clock, () => leader.terms[0]?.over === true)
        silent.now = false
        await until('the next term', clock, () => leader.terms.length === 2)
        await leader.leadership.close()
      }))
  })
}

/** The store's methods, free of its prototype. */
function bind(store: Store): Store {
  return {
    kind: store.kind,
    db: store.db,
    transaction: (work) => store.transaction(work),
    onChange: (listener) => store.onChange(listener),
    acquireLease: (...lease) => store.acquireLease(...lease),
    assertLease: (...lease) => store.assertLease(...lease),
    releaseLease: (lease) => store.releaseLease(lease),
    backup: (path) => store.backup(path),
    close: () => store.close(),
  }
}
