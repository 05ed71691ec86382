import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { KubernetesSchedulerConfig } from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-config.ts'

import type { KubernetesCluster } from './cluster.ts'
import { openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type SimulatedNodes, simulatedTaint } from './simulated-nodes.ts'

const pool = 'seats'
const classes = { batch: 'test-seats-batch', placeholder: 'test-seats-placeholder' }
const deadlineMs = 90_000
const call = () => ({ signal: AbortSignal.timeout(deadlineMs) })

describe('seats kept warm', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let nodes: SimulatedNodes
  let selector = ''

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    await cluster.apply(buildPriorityClass(classes.batch, 100), buildPriorityClass(classes.placeholder, -10))
    nodes = await cluster.startSimulatedNodes(1, { prefix: pool, labels: { 'test/pool': pool }, cpu: 4 })
  })
  after(async () => {
    await nodes?.remove()
    await cluster?.kubectl('delete', 'priorityclass', ...Object.values(classes), '--ignore-not-found')
  })

  test('are made, give way at once to a job, come back, and are no jobs', async () => {
    await tending(buildConfig(2), async (site) => {
      const jobs = openDriverJobs(site, site.scheduler)
      await untilSeats('Running', 2)
      const before = await site.scheduler.capacity(call())
      assert.deepEqual(before.pools.find(({ name }) => name === pool)?.seats, { wanted: 2, ready: 2 })
      assert.equal(before.nodes.find(({ name }) => name === nodes.names[0])?.cpuUsed, 0)
      assert.deepEqual(await site.scheduler.list(call()), [])

      // Both seats hold all of the node.
      const handle = await jobs.submit(jobs.waiting({ nodePool: pool, resources: { cpu: 2 } }))
      await jobs.until(handle, 'running')
      await untilSeats('Running', 1)
      // What was taken is wanted again: an autoscaler would bring a node for it.
      await untilSeats('Pending', 1)
      assert.deepEqual(
        (await site.scheduler.list(call())).map(({ key }) => key),
        [handle.key],
      )
      await jobs.cancel(handle)
      await untilSeats('Running', 2)
    })
  })

  test('are as many and as large as configured, by whoever leads', async () => {
    const instance = 'seats-resized'
    const doorKey = 'of the replicas of one platform'
    await tending({ ...buildConfig(2), instance, doorKey }, () => untilSeats('Running', 2))
    // Nobody leads: they stay. They are not another platform's to remove that was given the same name.
    await tending({ ...buildConfig(0), instance }, () => untilSeats('Running', 2))
    await tending({ ...buildConfig(1, 3), instance, doorKey }, async () => {
      await untilSeats('Running', 1)
      const cpu = await cluster.kubectl(
        ...listSeats(),
        '--output=jsonpath={.items[*].spec.containers[0].resources.requests.cpu}',
      )
      assert.equal(cpu, '3')
    })
    await tending({ ...buildConfig(0), instance, doorKey }, () => untilSeats('Running', 0))
  })

  test('run on a real node, as the strictest standard wants pods', async () => {
    const nodeSelector = { 'kubernetes.io/hostname': cluster.node.name }
    const placeholders = { count: 1, cpu: 0.05, memoryBytes: 64 * 2 ** 20 }
    const real = { nodeSelector, minimum: 0, maximum: 2, placeholders }
    await tending({ ...buildConfig(0), nodePools: { real } }, async (site) => {
      await untilSeats('Running', 1)
      const { pools } = await site.scheduler.capacity(call())
      assert.deepEqual(pools.find(({ name }) => name === 'real')?.seats, { wanted: 1, ready: 1 })
    })
  })

  function buildConfig(count: number, cpu = 2): Partial<KubernetesSchedulerConfig> {
    const tolerations = [{ key: simulatedTaint.key, operator: 'Exists' }]
    const placeholders = { count, cpu, memoryBytes: 2 ** 30 }
    return {
      priorityClasses: classes,
      nodePools: {
        [pool]: { nodeSelector: { 'test/pool': pool }, tolerations, minimum: 0, maximum: 2, placeholders },
      },
    }
  }

  /** While the site's driver leads. */
  async function tending(
    config: Partial<KubernetesSchedulerConfig>,
    work: (site: DriverSite) => Promise<unknown>,
  ): Promise<void> {
    const site = await createDriverSite(cluster, config)
    selector = config.instance === undefined ? site.selector : `atrium.dev/instance=${config.instance}`
    const leads = new AbortController()
    const tended = site.scheduler.tend?.({ signal: leads.signal })
    try {
      await work(site)
    } finally {
      leads.abort()
      await tended
      if (config.instance === undefined) await site.dispose()
      else await site.scheduler.close()
    }
  }

  const listSeats = () => [
    'get',
    'pods',
    '--namespace',
    namespace,
    '--selector',
    `${selector},atrium.dev/seat`,
  ]

  async function untilSeats(phase: string, count: number): Promise<void> {
    let seen = ''
    await waitFor(
      `${count} seats to be ${phase}`,
      async () => {
        seen = await cluster.kubectl(...listSeats(), '--output=jsonpath={.items[*].status.phase}')
        return seen.split(' ').filter((word) => word === phase).length === count
      },
      { deadlineMs },
    ).catch((error: unknown) => assert.fail(`${error}; last seen: ${seen}`))
  }
})

function buildPriorityClass(name: string, value: number) {
  return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value }
}
