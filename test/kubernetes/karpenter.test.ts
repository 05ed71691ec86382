import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { describeProviderPool } from '@atrium/server/scheduler/drivers/kubernetes/provider-pools.ts'
import type { JobHandle } from '@atrium/server/scheduler/job.ts'
import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace } from './driver-site.ts'
import { startKarpenter } from './karpenter.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type SimulatedNodes, simulatedTaint } from './simulated-nodes.ts'

const pool = 'test-karpenter'
const deadlineMs = 120_000
const call = () => ({ signal: AbortSignal.timeout(deadlineMs) })

interface Wish {
  cpu: number
  preemptible?: boolean
}

/** Karpenter itself decides; the machines that it orders are simulated. */
describe('an autoscaler', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let simulator: SimulatedNodes
  let karpenter: { stop(): Promise<void> }
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    // The simulator runs from then on.
    simulator = await cluster.startSimulatedNodes(1, { prefix: pool })
    karpenter = await startKarpenter(cluster)
    await cluster.apply(...buildPool())
    const own = describeProviderPool('karpenter', pool)
    site = await createDriverSite(cluster, {
      nodePools: {
        [pool]: {
          nodeSelector: own.nodeSelector,
          tolerations: [{ key: simulatedTaint.key, operator: 'Exists' }],
          ...{ minimum: 0, maximum: 5, machine: { cpu: 15, memoryBytes: 2 ** 34, gpu: 0 } },
        },
      },
    })
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(async () => {
    await site?.dispose()
    await cluster?.kubectl('delete', 'nodepools.karpenter.sh', pool, '--ignore-not-found', '--timeout=60s')
    await waitFor(
      'Karpenter to remove its nodes',
      async () => (await cluster.kubectl('get', 'nodeclaims.karpenter.sh', '--output=name')) === '',
      { deadlineMs },
    )
    await karpenter?.stop()
    await simulator?.remove()
  })

  test('adds a node for a job that waits, and the job says so', async () => {
    await waitFor('the pool to be empty', async () => (await readSize())[0] === 0, { deadlineMs })
    assert.deepEqual(await readSize(), [0, 5])
    const handle = await jobs.submit(jobs.waiting({ nodePool: pool, resources: { cpu: 2 } }))
    const told = await jobs.until(handle, 'pending', ({ reason }) =>
      /^A node is being prepared/.test(reason ?? ''),
    )
    assert.match(told.reason ?? '', /\(test-karpenter-\w+\)\.$/)
    const { node } = await jobs.until(handle, 'running')
    const { nodes } = await site.scheduler.capacity(call())
    assert.equal(nodes.find(({ name }) => name === node)?.pool, pool)
    assert.deepEqual(await readSize(), [1, 4])
    await jobs.cancel(handle)
    await jobs.until(handle, 'ended')
    await waitFor('the empty node to be removed', async () => (await readSize())[0] === 0, { deadlineMs })
  })

  test('empties a node to save it where jobs may be interrupted, and nowhere else', async () => {
    // Each of two nodes has one large job and one that stays.
    const [steady, filler] = await start({ cpu: 1 }, { cpu: 12 })
    const [willing, other] = await start({ cpu: 4, preemptible: true }, { cpu: 11 })
    const homes = await Promise.all([steady, willing].map((handle) => jobs.until(handle, 'running')))
    assert.notEqual(homes[0]?.node, homes[1]?.node)
    await Promise.all([filler, other].map((handle) => jobs.cancel(handle)))
    const { exit } = await jobs.until(willing, 'ended')
    assert.deepEqual(
      [exit.state, exit.message],
      ['preempted', 'Its node was emptied, by an administrator or by what adds and removes nodes.'],
    )
    const seen = await jobs.observe(steady)
    assert.deepEqual([seen.state, seen.state === 'running' && seen.node], ['running', homes[0]?.node])
    await jobs.cancel(steady)
  })

  test('says of a job that it can add nothing for', async () => {
    const handle = await jobs.submit(
      jobs.waiting({ nodePool: pool, pod: { nodeSelector: { 'kubernetes.io/arch': 'riscv64' } } }),
    )
    const told = await jobs.until(handle, 'pending', ({ reason }) =>
      /Karpenter adds no node for it/.test(reason ?? ''),
    )
    assert.match(told.reason ?? '', /riscv64/)
    await jobs.cancel(handle)
  })

  /** Two jobs that one machine is ordered for. */
  async function start(...wishes: readonly [Wish, Wish]): Promise<readonly [JobHandle, JobHandle]> {
    const submit = ({ cpu, preemptible = false }: Wish) =>
      jobs.submit(jobs.waiting({ nodePool: pool, resources: { cpu }, preemptible }))
    const handles = [submit(wishes[0]), submit(wishes[1])] as const
    const [first, second] = await Promise.all(handles)
    await Promise.all([first, second].map((handle) => jobs.until(handle, 'running')))
    return [first, second]
  }

  /** Nodes there are, and how many could be added. */
  async function readSize(): Promise<readonly [number | undefined, number | undefined]> {
    const { pools } = await site.scheduler.capacity(call())
    const found = pools.find(({ name }) => name === pool)
    return [found?.nodes, found?.canGrowBy]
  }

  function buildPool(): readonly object[] {
    const require = (key: string, ...values: string[]) => ({ key, operator: 'In', values })
    return [
      { apiVersion: 'karpenter.kwok.sh/v1alpha1', kind: 'KWOKNodeClass', metadata: { name: pool } },
      {
        apiVersion: 'karpenter.sh/v1',
        kind: 'NodePool',
        metadata: { name: pool },
        spec: {
          template: {
            spec: {
              nodeClassRef: { group: 'karpenter.kwok.sh', kind: 'KWOKNodeClass', name: pool },
              expireAfter: 'Never',
              // Keeps real pods away.
              taints: [simulatedTaint],
              requirements: [
                require('karpenter.sh/capacity-type', 'on-demand'),
                require('kubernetes.io/arch', 'amd64'),
                require('kubernetes.io/os', 'linux'),
              ],
            },
          },
          disruption: { consolidationPolicy: 'WhenEmptyOrUnderutilized', consolidateAfter: '0s' },
        },
      },
    ]
  }
})
