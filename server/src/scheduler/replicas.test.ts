import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { pino } from 'pino'

import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import { buildAttemptKey } from './job-key.ts'
import { buildTestRequest, createTestPlatform, requestOne, stopOne, until, untilState } from './testing.ts'

const wait: [string] = ['wait']

// SQLite has one control plane.
for (const kind of testStoreKinds.filter((one) => one.kind === 'postgres')) {
  const setUp = async (t: TestContext) => {
    const platform = await createTestPlatform(kind)
    t.after(platform.dispose)
    return platform
  }

  describe(`replicas on ${kind.kind}`, () => {
    test('two replicas: one reconciles, jobs requested at either run, either hears of changes', async (t) => {
      const { open, clock, world } = await setUp(t)
      const [first, second] = [await open(), await open()]
      const keys: string[] = []
      for (const replica of [first, second, first, second]) {
        keys.push((await requestOne(replica, buildTestRequest(wait))).key)
      }
      for (const key of keys) {
        await untilState(first, clock, key, 'running')
        await untilState(second, clock, key, 'running')
        assert.equal(world.countStarts(buildAttemptKey(key, 1)), 1)
      }
      const ended = first.jobs.waitFor(keys[0] ?? '', (job) => job.endedAtMs !== undefined, {
        signal: t.signal,
      })
      await stopOne(second, keys[0] ?? '')
      await untilState(second, clock, keys[0] ?? '', 'cancelled')
      assert.equal((await ended).state, 'cancelled')
    })

    test('a replica that closes lets the next one reconcile', async (t) => {
      const { open, clock } = await setUp(t)
      const [first, second] = [await open(), await open()]
      const { key } = await requestOne(first, buildTestRequest(wait))
      await untilState(first, clock, key, 'running')
      await first.jobs.close()
      await stopOne(second, key)
      await untilState(second, clock, key, 'cancelled')
    })

    test('a replica that slept through its lease writes nothing any more', async (t) => {
      const { open, clock, world } = await setUp(t)
      const words: string[] = []
      const log = pino({ level: 'warn' }, { write: (line) => words.push(line) })
      const first = await open({ log })
      const { key: settled } = await requestOne(first, buildTestRequest(wait))
      await untilState(first, clock, settled, 'running')
      const release = world.controls.hold('submit')
      const { key } = await requestOne(first, buildTestRequest(wait))
      await until('the submission', clock, () => world.listRuns().length === 2)
      // Asleep: it neither renews its lease nor hears the answer. The next one takes over meanwhile.
      const { fence } = await first.store.db.selectFrom('leases').select('fence').executeTakeFirstOrThrow()
      await first.store.db
        .updateTable('leases')
        .set({ holder: 'replica-2', fence: fence + 1 })
        .execute()
      release()
      await waitFor('a word of it', () => words.some((line) => line.includes('another replica reconciles')))
      assert.equal((await first.jobs.find(key))?.handle, undefined)
      const second = await open()
      await untilState(second, clock, key, 'running')
      assert.equal(world.countStarts(buildAttemptKey(key, 1)), 1)
    })
  })
}
