import type { UsageAmounts, UsageDimension, UsageReport, UsageRow } from '@atrium/contract/usage-api.ts'

import type { MockRequest, MockRoutes } from '#mock-api/router.ts'

const dayMs = 86_400_000
const corePrice = 0.02
const gpuPrice = 1.1

/** What was used. */
export const usageRoutes: MockRoutes = {
  'GET /api/v1/usage': (request): UsageReport | Response => {
    const report = buildReport(request)
    if (request.url.searchParams.get('format') !== 'csv') return report
    const lines = report.rows.map(({ name, coreHours }) => `${name},${coreHours}`)
    return new Response(['name,core_hours', ...lines].join('\r\n'), {
      headers: { 'content-type': 'text/csv' },
    })
  },
}

function buildReport({ url, state, nowMs }: MockRequest): UsageReport {
  const { searchParams } = url
  const by = (searchParams.get('by') ?? 'day') as UsageDimension
  const to = searchParams.get('to') ?? formatDay(nowMs)
  const from = searchParams.get('from') ?? `${to.slice(0, 8)}01`
  const group = searchParams.get('group')
  const members = state.groups.find(({ name }) => name === group)?.users
  const users = state.users.map(({ name }) => name).filter((name) => !members || members.includes(name))
  const names: Record<UsageDimension, string[]> = {
    day: listDays(from, to),
    user: users.filter((_, index) => index % 3 === 0),
    group: state.groups.map(({ name }) => name),
    kind: ['server', 'dask-worker', 'batch'],
    partition: ['', 'gpu'],
  }
  const rows = names[by].map(buildRow)
  return { from, to, by, currency: 'EUR', rows, total: sumRows(rows) }
}

function buildRow(name: string, index: number): UsageRow {
  const coreHours = 3 + ((index * 7919) % 97) * 1.75
  const gpuHours = index % 4 === 1 ? (index % 7) + 0.5 : 0
  return {
    name,
    runs: 1 + (index % 6),
    coreHours,
    gpuHours,
    memoryGibHours: coreHours * 3.5,
    cost: coreHours * corePrice + gpuHours * gpuPrice,
  }
}

function sumRows(rows: readonly UsageRow[]): UsageAmounts {
  const sum = (amountOf: (row: UsageRow) => number) => rows.reduce((total, row) => total + amountOf(row), 0)
  return {
    runs: sum(({ runs }) => runs),
    coreHours: sum(({ coreHours }) => coreHours),
    gpuHours: sum(({ gpuHours }) => gpuHours),
    memoryGibHours: sum(({ memoryGibHours }) => memoryGibHours),
    cost: sum(({ cost = 0 }) => cost),
  }
}

function listDays(from: string, to: string): string[] {
  const days: string[] = []
  for (let atMs = Date.parse(from); atMs <= Date.parse(to); atMs += dayMs) days.push(formatDay(atMs))
  return days
}

function formatDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
