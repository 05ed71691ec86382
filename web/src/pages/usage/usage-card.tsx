import { useQuery } from '@tanstack/react-query'

import { type UsageFilters, usageQuery } from '#api/usage.ts'
import { Card } from '#ui/card.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { findSpan } from './usage-spans.ts'
import { UsageSummary } from './usage-summary.tsx'

/** This month of one user or group, among what else is known of them. */
export function UsageCard({ of }: { of: Pick<UsageFilters, 'user' | 'group'> }) {
  const { data, error } = useQuery(usageQuery({ ...findSpan('month', Date.now()), by: 'kind', ...of }))
  if (error) return null
  return (
    <Card title="Usage this month">{data ? <UsageSummary report={data} /> : <Skeleton lines={2} />}</Card>
  )
}
