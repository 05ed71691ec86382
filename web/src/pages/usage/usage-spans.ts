/** A span of days, as the API takes it: in UTC, both included. */
export interface UsageSpan {
  from: string
  to: string
}

const dayMs = 86_400_000

export const spanOptions = [
  { value: 'month', label: 'This month' },
  { value: 'last-month', label: 'Last month' },
  { value: '30-days', label: 'Last 30 days' },
  { value: 'year', label: 'This year' },
  { value: 'last-year', label: 'Last year' },
] as const

export type SpanName = (typeof spanOptions)[number]['value']

/** The days that a choice means today. */
export function findSpan(name: SpanName, nowMs: number): UsageSpan {
  const now = new Date(nowMs)
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
  const today = formatDay(nowMs)
  switch (name) {
    case 'month':
      return { from: formatDay(Date.UTC(year, month, 1)), to: today }
    case 'last-month':
      return { from: formatDay(Date.UTC(year, month - 1, 1)), to: formatDay(Date.UTC(year, month, 0)) }
    case '30-days':
      return { from: formatDay(nowMs - 29 * dayMs), to: today }
    case 'year':
      return { from: `${year}-01-01`, to: today }
    case 'last-year':
      return { from: `${year - 1}-01-01`, to: `${year - 1}-12-31` }
  }
}

function formatDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
