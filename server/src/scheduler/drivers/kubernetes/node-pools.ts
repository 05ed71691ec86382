import type { V1Node } from '@kubernetes/client-node'

import type { NodePoolPlace } from './kubernetes-config.ts'

/** A pool that was declared, by its name. */
export type NodePools = Readonly<Record<string, NodePoolPlace>>

/** Nodes that nobody declared and no provider named. */
export const otherPool = 'default'

/** What providers call the pool of a node; see `provider-pools.ts`. */
const poolLabels = [
  'karpenter.sh/nodepool',
  'cloud.google.com/gke-nodepool',
  'eks.amazonaws.com/nodegroup',
  'kubernetes.azure.com/agentpool',
  'doks.digitalocean.com/node-pool',
  'agentpool',
]

/** Put on a node by those who are about to remove it. */
const removalTaints = new Set([
  'ToBeDeletedByClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'cloud.google.com/impending-node-termination',
  'aws-node-termination-handler/spot-itn',
])

const controlPlaneTaints = new Set([
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
])

/** The name of the pool a node is of: the first that was declared with labels it has, else what its provider calls it. */
export function findPool(node: V1Node, pools: NodePools): string {
  const labels = node.metadata?.labels ?? {}
  const declared = Object.entries(pools).find(([, { nodeSelector }]) => hasLabels(labels, nodeSelector))
  if (declared !== undefined) return declared[0]
  return poolLabels.flatMap((label) => labels[label] ?? [])[0] ?? otherPool
}

export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value)
}

/** Nodes of the cluster's own programs run no jobs, unless somebody declared them as a pool. */
export function runsJobs({ metadata, spec }: V1Node, pools: NodePools): boolean {
  const isReserved = spec?.taints?.some(
    ({ key, effect }) => controlPlaneTaints.has(key) && effect !== 'PreferNoSchedule',
  )
  return (
    isReserved !== true ||
    Object.values(pools).some(({ nodeSelector }) => hasLabels(metadata?.labels ?? {}, nodeSelector))
  )
}

/** What a node can be counted on for. */
export function readNodeState({ metadata, spec, status }: V1Node): 'up' | 'down' | 'draining' | 'unknown' {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status
  if (ready !== 'True') return ready === 'False' ? 'down' : 'unknown'
  const isLeaving =
    metadata?.deletionTimestamp !== undefined || spec?.taints?.some(({ key }) => removalTaints.has(key))
  return isLeaving === true || spec?.unschedulable === true ? 'draining' : 'up'
}
