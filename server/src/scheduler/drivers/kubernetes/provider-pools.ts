import type { V1Toleration } from '@kubernetes/client-node'

/** Who sets the labels and taints of a pool's nodes. */
export type PoolProvider = 'gke' | 'eks' | 'aks' | 'digitalocean' | 'karpenter'

interface ProviderWords {
  /** The label whose value is the pool's name. */
  label: string
  /** What nodes have that can be taken away at short notice; undefined: there are none. */
  spot?: { labels: Readonly<Record<string, string>>; tolerations: readonly V1Toleration[] }
}

/**
 * - GKE: https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms; the taint is set by whoever makes the pool, as that page advises.
 * - EKS: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html; no taint.
 * - AKS: https://learn.microsoft.com/azure/aks/spot-node-pool, https://learn.microsoft.com/azure/aks/use-labels.
 * - DigitalOcean: https://docs.digitalocean.com/products/kubernetes/how-to/add-node-pools/; no spot nodes.
 * - Karpenter: https://karpenter.sh/docs/concepts/scheduling/#well-known-labels; no taint.
 */
const words: Readonly<Record<PoolProvider, ProviderWords>> = {
  gke: {
    label: 'cloud.google.com/gke-nodepool',
    spot: {
      labels: { 'cloud.google.com/gke-spot': 'true' },
      tolerations: [
        { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
      ],
    },
  },
  eks: {
    label: 'eks.amazonaws.com/nodegroup',
    spot: { labels: { 'eks.amazonaws.com/capacityType': 'SPOT' }, tolerations: [] },
  },
  aks: {
    label: 'kubernetes.azure.com/agentpool',
    spot: {
      labels: { 'kubernetes.azure.com/scalesetpriority': 'spot' },
      tolerations: [
        {
          key: 'kubernetes.azure.com/scalesetpriority',
          operator: 'Equal',
          value: 'spot',
          effect: 'NoSchedule',
        },
      ],
    },
  },
  digitalocean: { label: 'doks.digitalocean.com/node-pool' },
  karpenter: {
    label: 'karpenter.sh/nodepool',
    spot: { labels: { 'karpenter.sh/capacity-type': 'spot' }, tolerations: [] },
  },
}

/** How nodes of a provider's pool are known, and what their own taints ask of pods. */
export function describeProviderPool(
  provider: PoolProvider,
  name: string,
  { spot = false }: { spot?: boolean } = {},
): { nodeSelector: Record<string, string>; tolerations: readonly V1Toleration[] } {
  const { label, spot: cheap } = words[provider]
  return {
    nodeSelector: { [label]: name, ...(spot ? cheap?.labels : {}) },
    tolerations: spot ? (cheap?.tolerations ?? []) : [],
  }
}
