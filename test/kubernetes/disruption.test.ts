import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace, podPython } from './driver-site.ts'
import { evictPod } from './evict.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type SimulatedNodes, simulatedTaint } from './simulated-nodes.ts'

const pool = 'disruption'
const classes = { batch: 'test-disruption-batch', preemptible: 'test-disruption-low' }
/** Says what it was asked, and takes its time over it. */
const saver = `import signal, sys, time
def save(*_):
    print("saving", flush=True)
    time.sleep(8)
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
while True:
    signal.pause()`

describe('jobs that Kubernetes interrupts', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let nodes: SimulatedNodes
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    await cluster.apply(buildPriorityClass(classes.batch, 100), buildPriorityClass(classes.preemptible, 10))
    nodes = await cluster.startSimulatedNodes(2, { prefix: pool, labels: { 'test/pool': pool }, cpu: 4 })
    const tolerations = [{ key: simulatedTaint.key, operator: 'Exists' }]
    site = await createDriverSite(cluster, {
      priorityClasses: classes,
      nodePools: {
        [pool]: { nodeSelector: { 'test/pool': pool }, tolerations },
        [`${pool}-0`]: { nodeSelector: { 'kubernetes.io/hostname': `${pool}-0` }, tolerations },
        [`${pool}-1`]: { nodeSelector: { 'kubernetes.io/hostname': `${pool}-1` }, tolerations },
      },
    })
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(async () => {
    await site?.dispose()
    await nodes?.remove()
    await cluster?.kubectl('delete', 'priorityclass', ...Object.values(classes), '--ignore-not-found')
  })

  test('are asked to end and have their grace when their node is emptied', async () => {
    const handle = await jobs.submit(jobs.spec([podPython, '-c', saver]))
    await jobs.until(handle, 'running')
    await untilSaid(handle.ref, 'ready')
    // What is gone with its pod is read while it is there.
    const output = readAll(handle)
    await evictPod(cluster, namespace, handle.ref)
    const warned = jobs.until(handle, 'running', ({ reason }) =>
      /It has \d+ seconds to end/.test(reason ?? ''),
    )
    const { exit } = await jobs.until(handle, 'ended')
    assert.match((await warned).reason ?? '', /^Its node was emptied/)
    assert.deepEqual([exit.state, exit.reason], ['preempted', 'preempted'])
    assert.match(
      exit.message,
      /^Its node was emptied, by an administrator or by what adds and removes nodes\.$/,
    )
    assert.match(await output, /ready\nsaving\nsaved\n/)
  })

  test('make room for what must not be interrupted, and only if they may be', async () => {
    const whole = { nodePool: `${pool}-0`, resources: { cpu: 4 } }
    const cheap = await jobs.submit(jobs.waiting({ ...whole, preemptible: true }))
    await jobs.until(cheap, 'running')
    const first = await jobs.submit(jobs.waiting(whole))
    await jobs.until(first, 'running')
    const { exit } = await jobs.until(cheap, 'ended')
    assert.deepEqual(exit, {
      ...{ state: 'preempted', reason: 'preempted' },
      message: 'A more important job took its place.',
    })
    const second = await jobs.submit(jobs.waiting({ ...whole, kind: 'server' }))
    await jobs.until(second, 'pending', ({ reason }) => reason !== undefined)
    assert.equal((await jobs.observe(first)).state, 'running')
    await Promise.all([first, second].map((handle) => jobs.cancel(handle)))
  })

  test('are preempted when their node is closed to them, as for a spot machine that is to go', async () => {
    const handle = await jobs.submit(jobs.waiting({ nodePool: `${pool}-1`, preemptible: true }))
    await jobs.until(handle, 'running')
    await cluster.kubectl(
      'taint',
      'node',
      `${pool}-1`,
      'cloud.google.com/impending-node-termination:NoExecute',
    )
    try {
      const { exit } = await jobs.until(handle, 'ended')
      assert.deepEqual([exit.state, exit.message], ['preempted', 'Its node was closed to what ran there.'])
      const { nodes: seen } = await site.scheduler.capacity({ signal: AbortSignal.timeout(60_000) })
      assert.equal(seen.find(({ name }) => name === `${pool}-1`)?.state, 'draining')
    } finally {
      await cluster.kubectl('taint', 'node', `${pool}-1`, 'cloud.google.com/impending-node-termination-')
    }
  })

  test('are lost with a node that is taken away without a word', async () => {
    const handle = await jobs.submit(jobs.waiting({ nodePool: `${pool}-1` }))
    await jobs.until(handle, 'running')
    await cluster.kubectl('delete', 'node', `${pool}-1`)
    const { exit } = await jobs.until(handle, 'ended')
    assert.deepEqual(
      [exit.state, exit.reason, exit.message],
      ['failed', 'node_lost', 'Its node was removed.'],
    )
  })

  async function untilSaid(name: string, word: string): Promise<void> {
    await cluster.kubectl(
      'wait',
      `pod/${name}`,
      '--namespace',
      namespace,
      '--for=jsonpath={.status.phase}=Running',
    )
    for (;;) if ((await cluster.kubectl('logs', name, '--namespace', namespace)).includes(word)) return
  }

  async function readAll(handle: Parameters<DriverJobs['observe']>[0]): Promise<string> {
    const parts: Uint8Array[] = []
    const reading = { signal: AbortSignal.timeout(60_000), follow: true }
    for await (const part of site.scheduler.logs(handle, reading)) parts.push(part)
    return Buffer.concat(parts).toString()
  }
})

function buildPriorityClass(name: string, value: number) {
  return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value }
}
