import type { RunQuery } from '@atrium/contract/runs-api.ts'

export type RunFilter = NonNullable<RunQuery['state']>

/** Which runs a list shows. */
export const runFilters: readonly { value: RunFilter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'active', label: 'Not ended' },
  { value: 'ended', label: 'Ended' },
]
