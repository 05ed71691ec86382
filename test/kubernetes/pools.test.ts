import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { KubernetesSchedulerConfig } from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-config.ts'

import type { KubernetesCluster } from './cluster.ts'
import { openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type SimulatedNodes, simulatedTaint } from './simulated-nodes.ts'

const deadlineMs = 90_000
const call = () => ({ signal: AbortSignal.timeout(deadlineMs) })
const tolerations = [{ key: simulatedTaint.key, operator: 'Exists' }]
const machine = { cpu: 32, memoryBytes: 2 ** 38, gpu: 0 }

describe('pools of nodes', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let nodes: SimulatedNodes

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
  })
  after(async () => {
    await nodes?.remove()
  })

  test('are shown while they have no node, and grow as nodes come', async () => {
    const place = { nodeSelector: { 'test/pool': 'pools' }, tolerations, minimum: 0, maximum: 3, machine }
    await withSite({ nodePools: { later: place } }, async ({ scheduler }) => {
      const findPool = async () => {
        const { pools } = await scheduler.capacity(call())
        return pools.find(({ name }) => name === 'later')
      }
      assert.deepEqual(await findPool(), {
        name: 'later',
        canGrowBy: 3,
        nodes: 0,
        minimum: 0,
        maximum: 3,
        machine,
      })
      nodes = await cluster.startSimulatedNodes(2, {
        prefix: 'pools',
        labels: { 'test/pool': 'pools' },
        cpu: 8,
      })
      await waitFor('the pool to have its nodes', async () => (await findPool())?.canGrowBy === 1, {
        deadlineMs,
      })
      const { nodes: seen, notes } = await scheduler.capacity(call())
      const mine = seen.filter(({ pool }) => pool === 'later')
      assert.deepEqual(
        mine.map(({ name, state, cpu }) => [name, state, cpu]),
        nodes.names.map((name) => [name, 'up', 8]),
      )
      assert.match(notes?.[0] ?? '', /Pods of other namespaces are not counted/)
    })
  })

  test('of spot nodes take only what may be interrupted, which rather goes there', async () => {
    const spot = { nodeSelector: { 'test/pool': 'pools' }, tolerations, spot: true }
    await withSite({ nodePools: { cheap: spot } }, async (site) => {
      const jobs = openDriverJobs(site, site.scheduler)
      const willing = await jobs.submit(jobs.waiting({ preemptible: true }))
      const { node } = await jobs.until(willing, 'running')
      assert.ok(nodes.names.includes(node ?? ''), String(node))
      // It tolerates the taint, as on a cloud whose spot nodes have none.
      const steady = await jobs.submit(
        jobs.waiting({ pod: { tolerations: [{ key: simulatedTaint.key, operator: 'Exists' }] } }),
      )
      assert.equal((await jobs.until(steady, 'running')).node, cluster.node.name)
      const refused = await jobs.offer(jobs.waiting({ nodePool: 'cheap' }))
      assert.equal(refused.outcome === 'rejected' && refused.reason, 'spot_pool')
    })
  })

  test('have the images of jobs before anybody waits, by pods that end at once', async () => {
    const real = { nodeSelector: { 'kubernetes.io/hostname': cluster.node.name } }
    const prePull = [
      { image: 'local.test/python:1' },
      { image: 'local.test/shell:1', nodePool: 'real' },
      { image: 'local.test/elsewhere:1', nodePool: 'none' },
    ]
    const config = { nodePools: { real, none: { nodeSelector: { a: 'b' } } }, prePull }
    await withSite(config, async (site) => {
      await untilNoted(site, /^All \d+ nodes have the images of jobs\.$/)
      const images = await cluster.kubectl(
        ...listPulls(site),
        '--output=jsonpath={.items[*].spec.containers[*].image}',
      )
      assert.equal(images, 'local.test/python:1 local.test/shell:1')
    })
  })

  test('say which image cannot be had', async () => {
    const real = { nodeSelector: { 'kubernetes.io/hostname': cluster.node.name } }
    const prePull = [{ image: 'local.test/missing:1', nodePool: 'real' }]
    await withSite({ nodePools: { real }, prePull }, async (site) => {
      await untilNoted(site, /^The image local\.test\/missing:1 cannot be pulled ahead: /)
      await untilNoted(site, /^Images of jobs are being pulled ahead: 0 of 1 nodes have them\.$/)
    })
  })

  const listPulls = ({ selector }: DriverSite) => [
    'get',
    'pods',
    '--namespace',
    namespace,
    '--selector',
    `${selector},atrium.dev/pull`,
  ]

  async function untilNoted({ scheduler }: DriverSite, note: RegExp): Promise<void> {
    let seen: readonly string[] = []
    await waitFor(
      String(note),
      async () => {
        seen = (await scheduler.capacity(call())).notes ?? []
        return seen.some((text) => note.test(text))
      },
      { deadlineMs },
    ).catch((error: unknown) => assert.fail(`${error}; last seen: ${seen.join('\n')}`))
  }

  /** A driver that leads meanwhile. */
  async function withSite(
    config: Partial<KubernetesSchedulerConfig>,
    work: (site: DriverSite) => Promise<unknown>,
  ): Promise<void> {
    const site = await createDriverSite(cluster, config)
    const leads = new AbortController()
    const tended = site.scheduler.tend?.({ signal: leads.signal })
    try {
      await work(site)
    } finally {
      leads.abort()
      await tended
      await site.dispose()
    }
  }
})
