import type {
  V1Affinity,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1PodSpec,
  V1Toleration,
} from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

import type { KubernetesSchedulerConfig, NodePoolPlace } from './kubernetes-config.ts'

/** What jobs that are preempted without harm like better than an ordinary node: 1 to 100. */
const spotWeight = 100
/** Lists of alternatives grow by multiplication: nobody writes down so many. */
const mostTerms = 64
const usualGpuResource = 'nvidia.com/gpu'

/**
 * Which nodes will do: those of the job's pool, and of them what the profile wants. A job without a pool runs anywhere but on nodes that can
 * be taken away at short notice, unless it is preemptible: then rather there.
 */
export function buildPlacement(config: KubernetesSchedulerConfig, spec: JobSpec): Partial<V1PodSpec> {
  const { nodePools = {} } = config
  const { nodePool, pod = {}, preemptible = false } = spec
  const pool = nodePool !== undefined && Object.hasOwn(nodePools, nodePool) ? nodePools[nodePool] : undefined
  const spots = pool === undefined ? Object.values(nodePools).filter(({ spot }) => spot === true) : []
  const nodeSelector = { ...pool?.nodeSelector, ...pod.nodeSelector }
  const tolerations = [
    ...(pool?.tolerations ?? []),
    ...(preemptible ? spots.flatMap(({ tolerations = [] }) => tolerations) : []),
    ...tolerateGpus(config, spec),
    ...(pod.tolerations ?? []),
  ]
  const affinity = addSpots(pod.affinity as V1Affinity | undefined, spots, preemptible)
  return {
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(affinity === undefined ? {} : { affinity }),
  }
}

/**
 * Nodes with GPUs are kept free of other work by a taint with the resource's name, by custom and on GKE by itself
 * (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#extendedresourcetoleration).
 */
function tolerateGpus(
  { gpuResource = usualGpuResource }: KubernetesSchedulerConfig,
  spec: JobSpec,
): V1Toleration[] {
  if ((spec.resources.gpu ?? 0) === 0) return []
  return [{ key: spec.pod?.gpuResource ?? gpuResource, operator: 'Exists', effect: 'NoSchedule' }]
}

function addSpots(
  affinity: V1Affinity | undefined,
  spots: readonly NodePoolPlace[],
  preemptible: boolean,
): V1Affinity | undefined {
  if (spots.length === 0) return affinity
  const { nodeAffinity = {} } = affinity ?? {}
  const { preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = nodeAffinity
  const required = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  return {
    ...affinity,
    nodeAffinity: preemptible
      ? {
          ...nodeAffinity,
          preferredDuringSchedulingIgnoredDuringExecution: [...preferred, ...spots.map(preferPool)],
        }
      : {
          ...nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: avoidPools(required, spots) },
        },
  }
}

function preferPool({ nodeSelector }: NodePoolPlace) {
  const matchExpressions = Object.entries(nodeSelector).map(([key, value]) => buildRule(key, 'In', value))
  return { weight: spotWeight, preference: { matchExpressions } }
}

/** Terms are alternatives, the rules within one are not: a node is of no pool if for each it lacks one of its labels. */
function avoidPools(
  terms: readonly V1NodeSelectorTerm[],
  pools: readonly NodePoolPlace[],
): V1NodeSelectorTerm[] {
  let found: readonly V1NodeSelectorTerm[] = terms.length === 0 ? [{}] : terms
  for (const { nodeSelector } of pools) {
    const rules = Object.entries(nodeSelector).map(([key, value]) => buildRule(key, 'NotIn', value))
    // Stricter where there would be too many: such a node lacks this one label, not just any.
    const alternatives = found.length * rules.length > mostTerms ? rules.slice(0, 1) : rules
    found = found.flatMap((term) =>
      alternatives.map((rule) => ({ ...term, matchExpressions: [...(term.matchExpressions ?? []), rule] })),
    )
  }
  return [...found]
}

function buildRule(key: string, operator: 'In' | 'NotIn', value: string): V1NodeSelectorRequirement {
  return { key, operator, values: [value] }
}

/**
 * What keeps those who empty nodes to save money away from a pod, or lets them at it:
 * - cluster-autoscaler: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-types-of-pods-can-prevent-ca-from-removing-a-node
 * - Karpenter: https://karpenter.sh/docs/concepts/disruption/#pod-level-controls
 */
export function buildEvictionWishes({ preemptible = false }: JobSpec): Record<string, string> {
  return {
    'cluster-autoscaler.kubernetes.io/safe-to-evict': String(preemptible),
    ...(preemptible ? {} : { 'karpenter.sh/do-not-disrupt': 'true' }),
  }
}
