import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import { createMemoryPlacements, type JobPlacements } from './job-placement.ts'
import { createPlacementStore } from './placement-store.ts'

/** What every way of keeping placements does. */
function placementContract(name: string, create: (t: TestContext) => Promise<JobPlacements>): void {
  const key = 'server-abc-1'
  const other = 'server-def-2'

  describe(`placements in ${name}`, () => {
    test('are made by telling whose they are, and by nothing else', async (t) => {
      const placements = await create(t)
      await placements.record(new Map([[key, { ref: '7' }]]))
      assert.deepEqual(await placements.read([key]), new Map())
      await placements.record(
        new Map([
          [key, { uid: 2001 }],
          [other, { uid: 0 }],
        ]),
      )
      assert.deepEqual(
        await placements.read([key, other, 'server-ghi-1']),
        new Map([
          [key, { uid: 2001 }],
          [other, { uid: 0 }],
        ]),
      )
    })

    test('add what comes to what is there', async (t) => {
      const placements = await create(t)
      await placements.record(new Map([[key, { uid: 2001, ref: '7_1' }]]))
      await placements.record(new Map([[key, { host: '10.0.0.1', ports: { http: 20_000 } }]]))
      await placements.record(
        new Map([
          [key, { memoryBytes: 2 ** 40, cpuSeconds: 0.25, oomKills: 1 }],
          [other, { oomKills: 5 }],
        ]),
      )
      await placements.record(new Map([[key, { oomKills: 2, logStart: 4096 }]]))
      const exit = { exitCode: 1, failure: 'ü\n"', atMs: 1_790_000_000_000 }
      await placements.record(
        new Map([
          [key, { exit }],
          [other, {}],
        ]),
      )
      assert.deepEqual(
        await placements.read([key, other]),
        new Map([
          [
            key,
            {
              ...{ uid: 2001, ref: '7_1', host: '10.0.0.1', ports: { http: 20_000 } },
              ...{ memoryBytes: 2 ** 40, cpuSeconds: 0.25, oomKills: 2, logStart: 4096, exit },
            },
          ],
        ]),
      )
    })

    test('go to the first who claims them, who may come again and starts anew', async (t) => {
      const placements = await create(t)
      assert.equal(await placements.claim(key, '7'), false)
      await placements.record(new Map([[key, { uid: 2001, ref: '7' }]]))
      const claims = await Promise.all(['7', '8', '9'].map((claimant) => placements.claim(key, claimant)))
      assert.deepEqual(claims, [true, false, false])
      await placements.record(new Map([[key, { host: '10.0.0.1', oomKills: 1, exit: { atMs: 1 } }]]))
      assert.equal(await placements.claim(key, '8'), false)
      assert.equal(await placements.claim(key, '7'), true)
      assert.deepEqual((await placements.read([key])).get(key), { uid: 2001, ref: '7', claimedBy: '7' })
    })

    test('are forgotten when nobody needs them', async (t) => {
      const placements = await create(t)
      await placements.record(
        new Map([
          [key, { uid: 2001 }],
          [other, { uid: 2002 }],
        ]),
      )
      await placements.forget([key, 'server-ghi-1'])
      await placements.forget([])
      assert.deepEqual([...(await placements.read([key, other])).keys()], [other])
    })

    test('are as many as an array has tasks', async (t) => {
      const placements = await create(t)
      const keys = Array.from({ length: 1200 }, (_, index) => `worker-a${index}-1`)
      await placements.record(new Map(keys.map((of) => [of, { uid: 2001 }])))
      await placements.record(new Map(keys.map((of, index) => [of, { ref: `7_${index}` }])))
      const found = await placements.read(keys)
      assert.equal(found.size, 1200)
      assert.equal(found.get('worker-a1199-1')?.ref, '7_1199')
      await placements.forget(keys)
      assert.equal((await placements.read(keys)).size, 0)
    })
  })
}

placementContract('memory', async () => createMemoryPlacements())
for (const kind of testStoreKinds) {
  placementContract(kind.kind, async (t) => {
    const site = await kind.createSite()
    const store = await site.open()
    t.after(async () => {
      await store.close()
      await site.dispose()
    })
    return createPlacementStore(store)
  })
}
