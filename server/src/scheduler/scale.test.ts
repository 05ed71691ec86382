import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemClock } from '#platform/clock.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import type { SubmitFault } from './drivers/memory/memory-controls.ts'
import type { MemoryWorld } from './drivers/memory/memory-world.ts'
import { buildTestRequest, createTestPlatform, type TestReplica } from './testing.ts'

const jobsOfKind = { sqlite: 10_000, postgres: 2000 }
const requestsInTransaction = 500
const patienceMs = 600_000
const faults: readonly SubmitFault[] = ['lost', 'unanswered', 'half', 'twice']
/** Ticks find what lost hints did not tell; here they may come often. */
const settings = { steadyTickMs: 1000, maxPendingTickMs: 500, schedulerBackoff: { baseMs: 10, maxMs: 100 } }

/** A scheduler of a bad day: every tenth call of submit goes wrong, hints come once, twice or never, some jobs vanish. */
function spoil({ controls }: MemoryWorld): void {
  controls.submitFaults.push(...faults, ...faults, ...faults)
  controls.vanish = (spec) => spec.key.endsWith('a-1')
  const moods = ['once', 'twice', 'never'] as const
  let calls = 0
  controls.refuse = () => {
    controls.hints = moods[Math.floor(++calls / 100) % moods.length] ?? 'once'
    return undefined
  }
}

async function requestAll({ store, jobs }: TestReplica, count: number): Promise<void> {
  for (let done = 0; done < count; done += requestsInTransaction) {
    await store.transaction(async (tx) => {
      for (let index = 0; index < requestsInTransaction; index++) {
        const command: [string, ...string[]] = index % 10 === 0 ? ['fail', '7'] : ['succeed']
        await jobs.request(tx, buildTestRequest(command, { kind: 'batch' }))
      }
    })
  }
}

async function countByState({ store }: TestReplica): Promise<Record<string, number>> {
  const rows = await store.db
    .selectFrom('jobs')
    .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

for (const kind of testStoreKinds) {
  const count = jobsOfKind[kind.kind]
  describe(`many jobs on ${kind.kind}`, () => {
    test(`${count} jobs on a scheduler that fails often: none lost, each ended as it should, nothing left`, async (t) => {
      const platform = await createTestPlatform(kind, { clock: systemClock })
      t.after(platform.dispose)
      spoil(platform.world)
      const replica = await platform.open({ settings })
      await requestAll(replica, count)
      await waitFor(
        'all to have ended',
        async () => {
          const { succeeded = 0, failed = 0 } = await countByState(replica)
          return succeeded + failed === count
        },
        { deadlineMs: patienceMs, everyMs: 100 },
      )
      assert.deepEqual(await countByState(replica), { succeeded: count * 0.9, failed: count * 0.1 })
      const reasons = await replica.store.db
        .selectFrom('jobs')
        .select('reason')
        .distinct()
        .where('state', '=', 'failed')
        .execute()
      assert.deepEqual(
        reasons.map(({ reason }) => reason),
        ['exit_status'],
      )
      assert.deepEqual(await replica.jobs.quotas.list(), [])
      await waitFor('nothing to run', () => platform.world.listRuns().every((run) => run.state === 'ended'))
    })
  })
}
