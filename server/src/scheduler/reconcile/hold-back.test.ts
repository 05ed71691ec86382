import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createMemoryScheduler } from '#scheduler/drivers/memory/memory-scheduler.ts'
import type { Job } from '#scheduler/job-record.ts'
import {
  buildTestRequest,
  createTestPlatform,
  requestOne,
  stopOne,
  type TestPlatform,
  type TestReplica,
  until,
  untilState,
} from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'

const program = (cpu: number) =>
  buildTestRequest(['wait'], { kind: 'batch', subject: 'run:1', spec: { resources: { cpu } } })

for (const kind of testStoreKinds) {
  describe(`a scheduler without a queue of its own (${kind.kind})`, () => {
    const withPlatform = async (check: (platform: TestPlatform, replica: TestReplica) => Promise<void>) => {
      const platform = await createTestPlatform(kind)
      try {
        const memory = { ...createMemoryScheduler(platform.world), programsAtOnce: 2 }
        await check(platform, await platform.open({ schedulers: { memory } }))
      } finally {
        await platform.dispose()
      }
    }

    test('is handed no more programs than it has room for; the others say why they wait', async () => {
      await withPlatform(async ({ clock }, replica) => {
        const jobs: Job[] = []
        for (let count = 0; count < 4; count++) jobs.push(await requestOne(replica, program(0.5)))
        const [first, second, third, fourth] = jobs.map(({ key }) => key)
        await untilState(replica, clock, first ?? '', 'running')
        await untilState(replica, clock, second ?? '', 'running')
        const waiting = await until('the reason', clock, async () => {
          const job = await replica.jobs.find(fourth ?? '')
          return job?.reason === undefined ? undefined : job
        })
        assert.deepEqual([waiting.state, waiting.reason], ['queued', 'machine_busy'])
        await stopOne(replica, first ?? '')
        await untilState(replica, clock, third ?? '', 'running')
        assert.equal((await replica.jobs.find(fourth ?? ''))?.state, 'queued')
      })
    })

    test('runs one that needs more than there is room for when no other runs', async () => {
      await withPlatform(async ({ clock }, replica) => {
        const small = await requestOne(replica, program(1))
        await untilState(replica, clock, small.key, 'running')
        const large = await requestOne(replica, program(8))
        await until('the reason', clock, async () => (await replica.jobs.find(large.key))?.reason)
        await stopOne(replica, small.key)
        await untilState(replica, clock, large.key, 'running')
      })
    })

    test('holds no server back', async () => {
      await withPlatform(async ({ clock }, replica) => {
        for (let count = 0; count < 2; count++) {
          const { key } = await requestOne(replica, program(1))
          await untilState(replica, clock, key, 'running')
        }
        const { key } = await requestOne(replica, buildTestRequest(['wait']))
        await untilState(replica, clock, key, 'running')
      })
    })
  })
}
