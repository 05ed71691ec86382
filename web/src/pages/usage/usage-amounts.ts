import type { UsageAmounts } from '@atrium/contract/usage-api.ts'

const plain = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** `1,234.5`; what is too little to be seen is not nothing. */
export function formatHours(hours: number): string {
  return hours > 0 && hours < 0.05 ? '< 0.1' : plain.format(hours)
}

/** `12.40 EUR`; whatever word an administrator wrote for the currency. */
export function formatCost(cost: number, currency: string): string {
  const amount = cost.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
  return `${amount} ${currency}`
}

/** An amount that tables and summaries show. */
export interface UsageMeasure {
  label: string
  amountOf: (amounts: UsageAmounts) => number
  format: (value: number) => string
}

/** What there is to show; costs where there are prices, GPUs where some were used. */
export function listMeasures(currency: string | undefined, total: UsageAmounts): readonly UsageMeasure[] {
  const hours = (label: string, amountOf: UsageMeasure['amountOf']) => ({
    label,
    amountOf,
    format: formatHours,
  })
  return [
    hours('Core hours', ({ coreHours }) => coreHours),
    ...(total.gpuHours > 0 ? [hours('GPU hours', ({ gpuHours }) => gpuHours)] : []),
    hours('Memory, GB hours', ({ memoryGibHours }) => memoryGibHours),
    ...(currency === undefined
      ? []
      : [
          {
            label: 'Cost',
            amountOf: ({ cost = 0 }: UsageAmounts) => cost,
            format: (cost: number) => formatCost(cost, currency),
          },
        ]),
    { label: 'Runs', amountOf: ({ runs }) => runs, format: (runs) => runs.toLocaleString('en') },
  ]
}
