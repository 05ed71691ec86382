import { setTimeout as sleep } from 'node:timers/promises'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import type { HubOnCluster } from '../hub/hub-on-cluster.ts'
import { callHub } from '../hub/hub-under-test.ts'
import { untilQuiet } from '../processes.ts'
import { ourNamespace } from './atrium-on-kubernetes.ts'
import { quietShare } from './cluster-under-test.ts'

const user = 'alice'
export const jobs = 1000
const simulatedNodes = 20
/** A run that takes longer counts as broken. */
const withinMs = 600_000

export const simulatedRowNames = {
  running: `Kubernetes: ${jobs} jobs running on simulated nodes, kill -9 on the way, none lost`,
  ended: `Kubernetes: ${jobs} jobs cancelled and gone`,
} as const

/**
 * An array of jobs on nodes that KWOK simulates, and the control plane killed when a third runs: s until all run, each as one pod; and s
 * until all have ended after one order. Throws when a job was lost or has two pods.
 */
export async function measureSimulatedJobs(
  hub: HubOnCluster,
  cluster: KubernetesCluster,
): Promise<Record<string, number>> {
  const nodes = await cluster.startSimulatedNodes(simulatedNodes)
  const { token: adminToken } = (await callHub(hub, 'POST', `/hub/api/users/${user}/tokens`, {
    body: {},
  })) as {
    token: string
  }
  const asUser = { url: hub.url, adminToken }
  try {
    await untilQuiet(quietShare)
    const started = performance.now()
    const request = {
      command: ['sleep', '3600'],
      array: `1-${jobs}`,
      profile: 'simulated',
      memoryBytes: 10_000_000,
    }
    const { id } = (await callHub(asUser, 'POST', '/api/v1/runs', { body: request })) as { id: number }
    await untilCount(asUser, id, ({ running }) => running >= jobs / 3)
    await hub.kill()
    await hub.startAgain()
    await untilCount(asUser, id, ({ running }) => running === jobs)
    const runningS = (performance.now() - started) / 1000
    await checkPods(cluster)
    const cancelled = performance.now()
    await callHub(asUser, 'DELETE', `/api/v1/runs/${id}`)
    await untilCount(asUser, id, (counts) => counts.cancelled === jobs)
    return {
      [simulatedRowNames.running]: runningS,
      [simulatedRowNames.ended]: (performance.now() - cancelled) / 1000,
    }
  } finally {
    await nodes.remove()
  }
}

interface Counts {
  running: number
  cancelled: number
  failed: number
  succeeded: number
}

async function untilCount(
  hub: Pick<HubOnCluster, 'url' | 'adminToken'>,
  id: number,
  holds: (counts: Counts) => boolean,
): Promise<void> {
  const end = performance.now() + withinMs
  for (;;) {
    const { jobs: counts } = (await callHub(hub, 'GET', `/api/v1/runs/${id}`)) as { jobs: Counts }
    if (holds(counts)) return
    if (performance.now() > end) throw new Error(`jobs do not come or go: ${JSON.stringify(counts)}`)
    await sleep(100)
  }
}

async function checkPods(cluster: KubernetesCluster): Promise<void> {
  const label = '{range .items[*]}{.metadata.labels.atrium\\.dev/job}{"\\n"}{end}'
  const text = await cluster.kubectl(
    'get',
    'pods',
    '--selector=atrium.dev/kind=batch',
    '--namespace',
    ourNamespace,
    `--output=jsonpath=${label}`,
  )
  const keys = text.split('\n').filter((key) => key !== '')
  if (keys.length !== jobs || new Set(keys).size !== jobs)
    throw new Error(`${keys.length} pods of ${new Set(keys).size} jobs where ${jobs} were wanted`)
}
