import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import { createPlacementNewsroom } from './placement-news.ts'

for (const kind of testStoreKinds) {
  describe(`news of jobs on ${kind.kind}`, () => {
    test('reach those who listen on any replica', async (t) => {
      const site = await kind.createSite()
      const here = await site.open()
      const there = kind.kind === 'postgres' ? await site.open() : here
      t.after(async () => {
        await here.close()
        if (there !== here) await there.close()
        await site.dispose()
      })
      const heard: string[] = []
      const fail = (error: unknown) => assert.fail(String(error))
      createPlacementNewsroom(there, fail).subscribe((key, news) => heard.push(`${key}: ${news}`))
      const newsroom = createPlacementNewsroom(here, fail)
      newsroom.tell('server-abc-1', 'ports')
      newsroom.tell('server-abc-1', 'ended')
      await waitFor('the news', () => heard.length === 2)
      assert.deepEqual(heard.sort(), ['server-abc-1: ended', 'server-abc-1: ports'])
    })
  })
}
