import type { ClusterQuery } from '@atrium/contract/clusters-api.ts'

export type ClusterFilter = NonNullable<ClusterQuery['state']>

export const clusterFilters: readonly { value: ClusterFilter; label: string }[] = [
  { value: 'active', label: 'Not ended' },
  { value: 'ended', label: 'Ended' },
  { value: 'all', label: 'All' },
]
