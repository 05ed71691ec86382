import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle } from '@atrium/server/scheduler/job.ts'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type SimulatedNodes, simulatedTaint } from './simulated-nodes.ts'

const pool = 'queue-fixed'
const hourMs = 3_600_000
const gibibyte = 2 ** 30

/** Real scheduler and API server; the nodes of the pool are simulated. */
describe('jobs that wait on Kubernetes', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let nodes: SimulatedNodes
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    nodes = await cluster.startSimulatedNodes(1, {
      prefix: 'queue',
      labels: { 'test/pool': pool },
      ...{ cpu: 4, memory: '16Gi', gpu: 2 },
    })
    const tolerations = [{ key: simulatedTaint.key, operator: 'Exists' }]
    site = await createDriverSite(cluster, {
      nodePools: {
        [pool]: { nodeSelector: { 'test/pool': pool }, tolerations, nodes: 1 },
        grows: {
          ...{ nodeSelector: { 'test/pool': 'grows' }, minimum: 0, maximum: 3 },
          machine: { cpu: 8, memoryBytes: 32 * gibibyte, gpu: 4 },
        },
      },
    })
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(async () => {
    await site?.dispose()
    await nodes?.remove()
  })

  test('know their place in line and when their turn comes, by the time limits of what runs', async () => {
    const whole = { nodePool: pool, resources: { cpu: 4 }, timeLimitMs: hourMs }
    const first = await jobs.submit(jobs.waiting(whole))
    const running = await jobs.until(first, 'running')
    const waiting = [await jobs.submit(jobs.waiting(whole)), await jobs.submit(jobs.waiting(whole))]
    // Kubernetes knows ages to the second: of two in one second either is first.
    const isTold = ({ place, reason }: { place?: number; reason?: string }) =>
      place !== undefined && reason !== undefined
    await Promise.all(waiting.map((handle) => jobs.until(handle, 'pending', isTold)))
    const seen = await Promise.all(waiting.map((handle) => jobs.until(handle, 'pending')))
    const [next, behind] = seen.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
    assert.deepEqual([next?.place, behind?.place], [1, 2])
    assert.match(next?.reason ?? '', /^No node has room for it now: of \d+, .*1 has too few free cores/)
    const endsAtMs = running.endsAtMs ?? 0
    assert.ok(Math.abs((next?.estimatedStartMs ?? 0) - endsAtMs) < 5000, JSON.stringify(next))
    assert.ok(Math.abs((behind?.estimatedStartMs ?? 0) - endsAtMs - hourMs) < 10_000, JSON.stringify(behind))

    await jobs.cancel(first)
    const left = await waitFor('one to run and the other to be next', async () => {
      const states = await Promise.all(waiting.map((handle) => jobs.observe(handle)))
      const isRunning = states.some(({ state }) => state === 'running')
      return states.find((state) => state.state === 'pending' && state.place === 1 && isRunning)
    })
    assert.ok(left)
    await Promise.all(waiting.map((handle) => jobs.cancel(handle)))
  })

  test('are refused when no node of their pool could ever take them', async () => {
    const offered = await jobs.offer(jobs.waiting({ nodePool: pool, resources: { gpu: 8 } }))
    assert.deepEqual(offered, {
      ...{ key: offered.key, outcome: 'rejected', reason: 'never_fits' },
      message: `No node of pool ${pool} has 8 GPUs: the largest has 2 GPUs.`,
    })
    const large = await jobs.offer(jobs.waiting({ nodePool: 'grows', resources: { cpu: 9 } }))
    assert.equal(
      large.outcome === 'rejected' && large.message,
      'No node of pool grows has 9 cores: the largest has 8 cores.',
    )
    const unknown = await jobs.offer(jobs.waiting({ nodePool: 'no such\npool' }))
    assert.equal(unknown.outcome === 'rejected' && unknown.reason, 'no_such_pool')
  })

  test('are told what nobody has, where a node could still be added by hand', async () => {
    const handle = await jobs.submit(jobs.waiting({ resources: { gpu: 16 } }))
    const seen = await jobs.until(handle, 'pending', (seen) => seen.reason !== undefined)
    assert.deepEqual(
      seen.reason,
      'No node of the cluster has 16 GPUs: the largest has 4 GPUs. It waits until such a node is added.',
    )
    await jobs.cancel(handle)
  })

  test('say what an autoscaler says of them', async () => {
    const handle = await jobs.submit(jobs.waiting({ nodePool: 'grows', resources: { cpu: 2 } }))
    await jobs.until(handle, 'pending', (seen) => seen.reason !== undefined)
    const says = async (reason: string, component: string, message: string, expected: RegExp) => {
      await say(handle, reason, component, message)
      const seen = await jobs.until(handle, 'pending', (seen) => expected.test(seen.reason ?? ''))
      return seen.reason
    }
    await says(
      'NotTriggerScaleUp',
      'cluster-autoscaler',
      "pod didn't trigger scale-up: 1 max node group size reached",
      /adds no node for it: of its groups, 1 full/,
    )
    await says(
      'TriggeredScaleUp',
      'cluster-autoscaler',
      'pod triggered scale-up: [{grows 0->1 (max: 3)}]',
      /^A node is being added for it \(grows: 0 to 1 of at most 3\)\.$/,
    )
    await says(
      'FailedScheduling',
      'karpenter',
      'Failed to schedule pod, no instance type satisfied resources',
      /Karpenter adds no node for it: no instance type satisfied resources\.$/,
    )
    await says(
      'Nominated',
      'karpenter',
      'Pod should schedule on: nodeclaim/grows-x7k2p',
      /^A node is being prepared for it \(grows-x7k2p\)\.$/,
    )
    await jobs.cancel(handle)
  })

  test('say that nodes are closed', async () => {
    await cluster.kubectl('cordon', ...nodes.names)
    try {
      const handle = await jobs.submit(jobs.waiting({ nodePool: pool }))
      await jobs.until(handle, 'pending', (seen) => /been closed to new jobs/.test(seen.reason ?? ''))
      await cluster.kubectl('uncordon', ...nodes.names)
      await jobs.until(handle, 'running')
      await jobs.cancel(handle)
    } finally {
      await cluster.kubectl('uncordon', ...nodes.names)
    }
  })

  let sequence = 0
  /** An event about a job's pod, as those products write them. */
  async function say({ ref }: JobHandle, reason: string, component: string, message: string): Promise<void> {
    const uid = await cluster.kubectl(
      'get',
      'pod',
      ref,
      '--namespace',
      namespace,
      '--output=jsonpath={.metadata.uid}',
    )
    sequence += 1
    const now = new Date(Date.now() + 1000 * sequence).toISOString().replace(/\.\d+/, '')
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${ref}.${sequence}`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: ref, namespace, uid },
      ...{ type: 'Normal', reason, message, source: { component } },
      ...{ firstTimestamp: now, lastTimestamp: now, count: 1 },
    })
  }
})
