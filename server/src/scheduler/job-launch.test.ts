import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'

import { createSealedBox } from '#platform/sealed-box.ts'
import { testStoreKinds } from '#store/testing.ts'
import { createLaunchSource } from './job-launch.ts'
import { buildTestRequest, createTestPlatform, requestOne, stopOne, untilState } from './testing.ts'

for (const kind of testStoreKinds) {
  describe(`what a node is told to run, on ${kind.kind}`, () => {
    test('is the present start of a wanted job, with its secrets', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const { clock } = platform
      const box = createSealedBox(randomBytes(32))
      const replica = await platform.open({ box })
      const launches = createLaunchSource({ store: replica.store, box })
      const request = buildTestRequest(['wait'], { secrets: { TOKEN: 'secret' } })
      const { key } = await requestOne(replica, request)
      await untilState(replica, clock, key, 'running')
      const launch = await launches.findLaunch(`${key}-1`)
      assert.equal(launch?.key, `${key}-1`)
      assert.deepEqual(launch?.command, ['wait'])
      assert.equal(launch?.environment['TOKEN'], 'secret')
      for (const other of [key, `${key}-2`, `${key}-0`, 'server-other-1', ''])
        assert.equal(await launches.findLaunch(other), undefined, other)

      const stranger = createLaunchSource({ store: replica.store, box: createSealedBox(randomBytes(32)) })
      assert.equal(await stranger.findLaunch(`${key}-1`), undefined)

      await stopOne(replica, key)
      assert.equal(await launches.findLaunch(`${key}-1`), undefined)
      await untilState(replica, clock, key, 'cancelled')
      assert.equal(await launches.findLaunch(`${key}-1`), undefined)
    })

    test('is none of the starts of a job that has ended', async (t) => {
      const platform = await createTestPlatform(kind)
      t.after(platform.dispose)
      const { clock, world } = platform
      const box = createSealedBox(randomBytes(32))
      const replica = await platform.open({ box })
      const launches = createLaunchSource({ store: replica.store, box })
      const policy = { startRetries: 1, ready: { port: 'http', path: '/' } }
      const { key } = await requestOne(replica, buildTestRequest(['fail', '1'], { policy }))
      await untilState(replica, clock, key, 'failed')
      assert.equal(world.listRuns().length, 2)
      for (const attempt of [1, 2]) assert.equal(await launches.findLaunch(`${key}-${attempt}`), undefined)
    })
  })
}
