import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { QuotaAmounts } from '#scheduler/quota.ts'

import type { ClusterSettings } from './clusters.ts'
import { findWorkerLimit } from './worker-limit.ts'

const gib = 2 ** 30

function build(worker: Partial<ClusterSettings['worker']>, maximumWorkers?: number): ClusterSettings {
  return {
    environmentPrefix: '/env',
    worker: { cpu: 1, threads: 1, memoryBytes: gib, gpu: 0, preemptible: false, ...worker },
    scheduler: { cpu: 1, memoryBytes: gib },
    environment: {},
    idleTimeoutMs: 0,
    clientTimeoutMs: 0,
    ...(maximumWorkers === undefined ? {} : { maximumWorkers }),
  }
}

function count(settings: ClusterSettings, ...limits: Partial<QuotaAmounts>[]): number {
  const subject = { kind: 'platform' } as const
  const all = limits.map((one) => ({ subject, name: '', limits: one }))
  return findWorkerLimit(settings, all, 1000).workers
}

test('a cluster may have what is left of every quota beside its scheduler, and no more than its settings say', () => {
  assert.equal(count(build({})), 1000)
  assert.equal(count(build({}, 4000)), 4000)
  assert.equal(count(build({}), { workers: 3000 }), 3000)
  assert.equal(count(build({}, 8), { workers: 20 }), 8)
  assert.equal(count(build({}), { cpu: 9 }), 8)
  assert.equal(count(build({ cpu: 4 }), { cpu: 9 }, { cpu: 20 }), 2)
  assert.equal(count(build({ memoryBytes: 3 * gib }), { memoryBytes: 10 * gib }), 3)
  assert.equal(count(build({ gpu: 1 }), { gpu: 2 }), 2)
  assert.equal(count(build({}), { gpu: 0 }), 1000)
  assert.equal(count(build({}), { cpu: 0.5 }), 0)
  assert.equal(count(build({ cpu: 0.1 }), { cpu: 1.3 }), 3)
})
