import type { UsageDimension, UsageReport, UsageRow } from '@atrium/contract/usage-api.ts'
import { type Command, Option } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { type Column, print, renderTable } from '#output.ts'
import { withConnection } from './options.ts'

interface UsageOptions extends ConnectionOptions {
  from?: string
  to?: string
  user?: string
  group?: string
  by: UsageDimension
}

const dimensions: readonly UsageDimension[] = ['day', 'user', 'group', 'kind', 'partition']

/** `usage`: what was used by whom, and what it cost. */
export function addUsageCommand(program: Command): void {
  withConnection(program.command('usage'))
    .description('show core hours, GPU hours, memory and cost; what runs is counted up to now')
    .option('--from <day>', 'first day (UTC), as 2026-11-01; without it the first of the month')
    .option('--to <day>', 'last day; without it today')
    .option('--user <name>', 'only of this user')
    .option('--group <name>', 'only what counted for this group')
    .addOption(new Option('--by <what>', 'a line for each').choices(dimensions).default('user'))
    .action(showUsage)
}

async function showUsage(options: UsageOptions): Promise<void> {
  const client = await connect(options)
  const query = new URLSearchParams({ by: options.by })
  for (const name of ['from', 'to', 'user', 'group'] as const) {
    const value = options[name]
    if (value !== undefined) query.set(name, value)
  }
  print(await client.call<UsageReport>('GET', `/api/v1/usage?${query}`), options, renderReport)
}

function renderReport(report: UsageReport): string {
  const { from, to, by, rows, total, currency } = report
  const all = rows.length > 1 ? [...rows, { name: 'TOTAL', ...total }] : rows
  return [`${from} to ${to} (UTC)`, renderTable(all, buildColumns(by, currency), 'Nothing was used.')].join(
    '\n',
  )
}

function buildColumns(by: UsageDimension, currency: string | undefined): readonly Column<UsageRow>[] {
  const amount = (heading: string, read: (row: UsageRow) => number | undefined): Column<UsageRow> => ({
    heading,
    cell: (row) => (read(row) ?? 0).toFixed(2),
  })
  return [
    {
      heading: by.toUpperCase(),
      cell: ({ name }) => name || (by === 'partition' ? '(default)' : '(platform)'),
    },
    { heading: 'RUNS', cell: ({ runs }) => String(runs) },
    amount('CORE HOURS', ({ coreHours }) => coreHours),
    amount('GPU HOURS', ({ gpuHours }) => gpuHours),
    amount('GIB HOURS', ({ memoryGibHours }) => memoryGibHours),
    ...(currency === undefined ? [] : [amount(`COST ${currency}`, ({ cost }) => cost)]),
  ]
}
