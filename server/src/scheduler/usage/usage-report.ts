import type { UsageAmounts, UsageDimension, UsageReport, UsageRow } from '@atrium/contract/usage-api.ts'

import { splitKeys } from '#scheduler/job-store.ts'
import type { ReadableDatabase } from '#store/store.ts'
import { dayMs, type UsedAmounts } from './job-use.ts'
import { nobody } from './usage-ledger.ts'
import { readUsage, type UsageFilter, type UsageSum } from './usage-reader.ts'

/** What an hour costs. Absent amounts cost nothing. */
export interface HourPrices {
  coreHour?: number
  gpuHour?: number
  /** Of one gibibyte of memory. */
  gibHour?: number
}

/** What use costs: everywhere, and where a partition has prices of its own. */
export interface UsagePrices extends HourPrices {
  /** Shown beside amounts: `EUR`. */
  currency: string
  partitions: Readonly<Record<string, HourPrices>>
}

export interface UsageReportOptions {
  db: ReadableDatabase
  prices: UsagePrices | undefined
  nowMs: number
}

/** What was used, by name and with its cost. */
export async function readUsageReport(
  { db, prices, nowMs }: UsageReportOptions,
  filter: UsageFilter,
  by: UsageDimension,
): Promise<UsageReport> {
  const sums = await readUsage(db, filter, by, nowMs)
  // A use counts for several groups: their sum is not the whole.
  const whole = by === 'group' ? await readUsage(db, filter, 'partition', nowMs) : sums
  const nameOf = await readNames(db, sums, by)
  const rows = new Map<string, UsageRow>()
  for (const sum of sums) {
    const { name, gone } = nameOf(sum)
    const row = rows.get(name) ?? { name, ...(gone ? { gone } : {}), ...noAmounts }
    rows.set(name, { ...row, ...addAmounts(row, sum, prices) })
  }
  const order = (a: UsageRow, b: UsageRow) =>
    by === 'day' ? a.name.localeCompare(b.name) : b.coreHours - a.coreHours || a.name.localeCompare(b.name)
  return {
    from: formatDay(filter.fromDay),
    to: formatDay(filter.toDay),
    by,
    ...(prices === undefined ? {} : { currency: prices.currency }),
    rows: [...rows.values()].map(roundAmounts).toSorted(order),
    total: roundAmounts(
      whole.reduce<UsageAmounts>((total, sum) => addAmounts(total, sum, prices), noAmounts),
    ),
  }
}

/** Hours of one partition with what they cost, rounded to what can be meant. */
export function priceUse(
  { coreSeconds, gpuSeconds, gibSeconds }: UsedAmounts,
  partition: string,
  prices: UsagePrices | undefined,
): Omit<UsageAmounts, 'runs'> {
  const sum = { partition, runs: 0, coreSeconds, gpuSeconds, gibSeconds }
  const { runs: _, ...amounts } = roundAmounts(addAmounts(noAmounts, sum, prices))
  return amounts
}

/** `2026-11-26`. */
export function formatDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

/** Days since the epoch; undefined for a day that is in no calendar. */
export function parseDay(text: string): number | undefined {
  const atMs = Date.parse(`${text}T00:00:00Z`)
  // 2026-02-31 would be a day in March.
  return Number.isNaN(atMs) || formatDay(atMs / dayMs) !== text ? undefined : atMs / dayMs
}

const noAmounts: UsageAmounts = { runs: 0, coreHours: 0, gpuHours: 0, memoryGibHours: 0 }

function addAmounts(a: UsageAmounts, sum: UsageSum, prices: UsagePrices | undefined): UsageAmounts {
  const [coreHours, gpuHours, gibHours] = [sum.coreSeconds, sum.gpuSeconds, sum.gibSeconds].map(
    (seconds) => seconds / 3600,
  ) as [number, number, number]
  const cost =
    prices === undefined ? undefined : findCost(prices, sum.partition, { coreHours, gpuHours, gibHours })
  return {
    runs: a.runs + sum.runs,
    coreHours: a.coreHours + coreHours,
    gpuHours: a.gpuHours + gpuHours,
    memoryGibHours: a.memoryGibHours + gibHours,
    ...(cost === undefined ? {} : { cost: (a.cost ?? 0) + cost }),
  }
}

function findCost(
  prices: UsagePrices,
  partition: string,
  hours: { coreHours: number; gpuHours: number; gibHours: number },
): number {
  const own = Object.hasOwn(prices.partitions, partition) ? prices.partitions[partition] : undefined
  const { coreHour = 0, gpuHour = 0, gibHour = 0 } = { ...prices, ...own }
  return coreHour * hours.coreHours + gpuHour * hours.gpuHours + gibHour * hours.gibHours
}

/** Sums of fractions end in digits that nobody measured. */
function roundAmounts<T extends UsageAmounts>(amounts: T): T {
  const { coreHours, gpuHours, memoryGibHours, cost } = amounts
  return {
    ...amounts,
    coreHours: round(coreHours),
    gpuHours: round(gpuHours),
    memoryGibHours: round(memoryGibHours),
    ...(cost === undefined ? {} : { cost: round(cost) }),
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

type NameOf = (sum: UsageSum) => { name: string; gone?: boolean }

async function readNames(
  db: ReadableDatabase,
  sums: readonly UsageSum[],
  by: UsageDimension,
): Promise<NameOf> {
  switch (by) {
    case 'day':
      return ({ day = 0 }) => ({ name: formatDay(day) })
    case 'kind':
      return ({ kind = '' }) => ({ name: kind })
    case 'partition':
      return ({ partition }) => ({ name: partition })
    case 'user':
    case 'group': {
      const idOf = ({ userId, groupId }: UsageSum) => userId ?? groupId ?? nobody
      const names = await readUsageNames(db, by === 'user' ? 'users' : 'groups', sums.map(idOf))
      return (sum) => {
        const id = idOf(sum)
        const name = id === nobody ? '' : names.get(id)
        return name === undefined ? { name: `#${id}`, gone: true } : { name }
      }
    }
  }
}

/** Names by id; those that are gone are left out. */
export async function readUsageNames(
  db: ReadableDatabase,
  table: 'users' | 'groups',
  ids: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>()
  for (const part of splitKeys([...new Set(ids)])) {
    const rows = await db.selectFrom(table).select(['id', 'name']).where('id', 'in', part).execute()
    for (const { id, name } of rows) names.set(id, name)
  }
  return names
}

/** A report as a table for other programs (RFC 4180). */
export function renderUsageCsv({ by, rows, currency }: UsageReport): string {
  const head = [by, 'runs', 'core_hours', 'gpu_hours', 'memory_gib_hours']
  const lines = rows.map(({ name, runs, coreHours, gpuHours, memoryGibHours, cost }) => [
    quoteCell(name),
    runs,
    coreHours,
    gpuHours,
    memoryGibHours,
    ...(currency === undefined ? [] : [cost ?? 0]),
  ])
  const heads = currency === undefined ? head : [...head, quoteCell(`cost_${currency}`)]
  return [heads, ...lines].map((line) => `${line.join(',')}\r\n`).join('')
}

/** Names are anybody's text: a spreadsheet must not take one for a formula. */
function quoteCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
