import type { V1Node, V1NodeList, V1Pod } from '@kubernetes/client-node'

import type { Capacity, NodeCapacity } from '#scheduler/scheduler.ts'

import type { KubeClient } from './kube-client.ts'
import { hasPodEnded } from './observe-pod.ts'
import { parseQuantity } from './quantity.ts'

const gpuResource = 'nvidia.com/gpu'
const defaultPool = 'default'

/** Nodes with what our own jobs hold of them: those of other namespaces are not ours to see. */
export async function readCapacity(
  client: KubeClient,
  pods: Iterable<V1Pod>,
  signal: AbortSignal,
): Promise<Capacity> {
  const { items } = await client.call<V1NodeList>('GET', '/api/v1/nodes', { signal })
  const held = sumRequests(pods)
  const nodes = items.map((node) => describeNode(node, held.get(node.metadata?.name ?? '') ?? nothing))
  const pools = [...new Set(nodes.map(({ pool }) => pool))]
  return { nodes, pools: pools.map((name) => ({ name, canGrowBy: 0 })) }
}

interface Amounts {
  cpu: number
  memoryBytes: number
  gpu: number
}

const nothing: Amounts = { cpu: 0, memoryBytes: 0, gpu: 0 }

function sumRequests(pods: Iterable<V1Pod>): Map<string, Amounts> {
  const sums = new Map<string, Amounts>()
  for (const pod of pods) {
    const node = pod.spec?.nodeName
    if (node === undefined || hasPodEnded(pod)) continue
    const sum = sums.get(node) ?? nothing
    const requests = pod.spec?.containers[0]?.resources?.requests ?? {}
    sums.set(node, {
      cpu: sum.cpu + parseQuantity(requests['cpu']),
      memoryBytes: sum.memoryBytes + parseQuantity(requests['memory']),
      gpu: sum.gpu + parseQuantity(requests[gpuResource]),
    })
  }
  return sums
}

function describeNode({ metadata, spec, status }: V1Node, held: Amounts): NodeCapacity {
  const allocatable = status?.allocatable ?? {}
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status
  return {
    name: metadata?.name ?? '',
    pool: defaultPool,
    state:
      ready === 'True' ? (spec?.unschedulable ? 'draining' : 'up') : ready === 'False' ? 'down' : 'unknown',
    cpu: parseQuantity(allocatable['cpu']),
    cpuUsed: held.cpu,
    memoryBytes: parseQuantity(allocatable['memory']),
    memoryUsedBytes: held.memoryBytes,
    gpu: parseQuantity(allocatable[gpuResource]),
    gpuUsed: held.gpu,
  }
}
