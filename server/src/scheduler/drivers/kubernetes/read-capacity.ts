import type { V1Node, V1Pod } from '@kubernetes/client-node'

import type { Capacity, NodeCapacity, PoolCapacity } from '#scheduler/scheduler.ts'

import type { KubernetesSchedulerConfig, NodePoolPlace } from './kubernetes-config.ts'
import { findPool, readNodeState, runsJobs } from './node-pools.ts'
import { hasPodEnded } from './observe-pod.ts'
import { type Amounts, addAmounts, countGpus, readAllocatable, sumRequests } from './pod-amounts.ts'
import { labels } from './pod-names.ts'
import { describePulls } from './pull-ahead.ts'
import { countSeats } from './warm-seats.ts'

/**
 * Nodes with what our own jobs hold of them, and pools, those without a node too. Pods of other namespaces are not ours to see, and the
 * right to would let the platform read all of the cluster's secrets that stand in them: what they hold is in no figure, and is said.
 * `nodes`: undefined where they cannot be seen; `pods`: of ours.
 */
export function buildCapacity(
  config: KubernetesSchedulerConfig,
  nodes: Iterable<V1Node> | undefined,
  pods: readonly V1Pod[],
): Capacity {
  const { nodePools: pools = {} } = config
  const held = sumHeld(pods)
  const all = [...(nodes ?? [])]
  const found = all
    .filter((node) => runsJobs(node, pools))
    .map((node) => describeNode(node, held.get(node.metadata?.name ?? '') ?? {}, config))
  const names = new Set([...Object.keys(pools), ...found.map(({ pool }) => pool)])
  return {
    nodes: found,
    pools: [...names].map((name) => {
      const pool = Object.hasOwn(pools, name) ? pools[name] : undefined
      const members = found.filter((node) => node.pool === name)
      const seats = pool === undefined ? undefined : countSeats(name, pool, pods)
      return {
        ...describePool(name, pool, members, nodes !== undefined),
        ...(seats === undefined ? {} : { seats }),
      }
    }),
    notes: [nodes === undefined ? unseen : onlyOurs, ...describePulls(config, all, pods)],
  }
}

const unseen =
  'The nodes cannot be seen: the platform has no right to list them (get, list, watch of nodes in a ClusterRole).'
const onlyOurs = 'What is in use is what jobs of the platform hold. Pods of other namespaces are not counted.'

/** What our pods hold of each node. A seat that is kept warm is free for any job. */
export function sumHeld(pods: Iterable<V1Pod>): ReadonlyMap<string, Amounts> {
  const sums = new Map<string, Amounts>()
  for (const pod of pods) {
    const node = pod.spec?.nodeName
    if (node === undefined || hasPodEnded(pod) || !isJobs(pod)) continue
    sums.set(node, addAmounts(sums.get(node) ?? {}, sumRequests(pod)))
  }
  return sums
}

/** Of a job, whichever of its pods; not of the platform itself. */
function isJobs({ metadata }: V1Pod): boolean {
  const { [labels.seat]: seat, [labels.pull]: pull } = metadata?.labels ?? {}
  return seat === undefined && pull === undefined
}

function describeNode(
  node: V1Node,
  held: Amounts,
  { nodePools: pools = {}, gpuResource }: KubernetesSchedulerConfig,
): NodeCapacity {
  const allocatable = readAllocatable(node)
  return {
    name: node.metadata?.name ?? '',
    pool: findPool(node, pools),
    state: readNodeState(node),
    cpu: allocatable['cpu'] ?? 0,
    cpuUsed: held['cpu'] ?? 0,
    memoryBytes: allocatable['memory'] ?? 0,
    memoryUsedBytes: held['memory'] ?? 0,
    gpu: countGpus(allocatable, gpuResource),
    gpuUsed: countGpus(held, gpuResource),
  }
}

/** `isKnown`: that there are no more members than these. */
function describePool(
  name: string,
  pool: NodePoolPlace | undefined,
  members: readonly NodeCapacity[],
  isKnown: boolean,
): PoolCapacity {
  const { maximum, minimum, nodes: fixed, machine, spot } = pool ?? {}
  const most = maximum ?? fixed
  return {
    name,
    canGrowBy: maximum === undefined || !isKnown ? 0 : Math.max(0, maximum - members.length),
    ...(isKnown ? { nodes: members.length } : {}),
    ...(minimum === undefined ? {} : { minimum }),
    ...(most === undefined ? {} : { maximum: most }),
    ...(machine === undefined ? {} : { machine }),
    ...(spot === true ? { spot } : {}),
  }
}
