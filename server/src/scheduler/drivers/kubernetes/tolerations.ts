import type { V1Node, V1Taint, V1Toleration } from '@kubernetes/client-node'

/** Whether a pod with these may be put on a node (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/). */
export function toleratesNode(tolerations: readonly V1Toleration[], node: V1Node): boolean {
  return findUntolerated(tolerations, node) === undefined
}

/** The first taint that keeps it off the node. */
export function findUntolerated(tolerations: readonly V1Toleration[], { spec }: V1Node): V1Taint | undefined {
  const taints = spec?.taints?.filter(({ effect }) => effect !== 'PreferNoSchedule') ?? []
  return taints.find((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)))
}

function tolerates({ key, operator, value, effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect !== undefined && effect !== '' && effect !== taint.effect) return false
  if (operator === 'Exists') return key === undefined || key === '' || key === taint.key
  return key === taint.key && (value ?? '') === (taint.value ?? '')
}
