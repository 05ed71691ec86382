import type { UsageReport } from '@atrium/contract/usage-api.ts'

import { Facts } from '#ui/facts.tsx'
import { listMeasures } from './usage-amounts.ts'

/** The sums of a span, each use once. */
export function UsageSummary({ report: { total, currency } }: { report: UsageReport }) {
  return (
    <Facts
      facts={listMeasures(currency, total).map(({ label, amountOf, format }) => ({
        label,
        value: <strong>{format(amountOf(total))}</strong>,
      }))}
    />
  )
}
