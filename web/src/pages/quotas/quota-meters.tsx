import type { QuotaAmountName, QuotaView } from '@atrium/contract/quotas-api.ts'

import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import { Meter } from '#ui/meter.tsx'
import './quota-meters.css'

const amounts: readonly [QuotaAmountName, string, (amount: number) => string][] = [
  ['servers', 'Servers', (amount) => formatCount(amount, 'server')],
  ['cpu', 'Processors', formatCores],
  ['memoryBytes', 'Memory', formatBytes],
  ['gpu', 'GPUs', (amount) => formatCount(amount, 'GPU')],
  ['clusters', 'Clusters', (amount) => formatCount(amount, 'cluster')],
  ['clusters', 'Dask clusters', (amount) => formatCount(amount, 'cluster')],
  ['workers', 'Workers', (amount) => formatCount(amount, 'worker')],
]

/** One subject's use of every amount that is used or limited. */
export function QuotaMeters({ quota: { used, limits } }: { quota: QuotaView }) {
  const shown = amounts.filter(([name]) => used[name] > 0 || limits[name] !== undefined)
  if (shown.length === 0) return <p className="muted">Nothing is used and nothing is limited.</p>
  return (
    <div className="quota-meters">
      {shown.map(([name, label, format]) => {
        const limit = limits[name]
        return (
          <Meter
            key={name}
            label={label}
            used={used[name]}
            format={format}
            {...(limit !== undefined && { limit })}
          />
        )
      })}
    </div>
  )
}
