import type { UsageReport, UsageRow } from '@atrium/contract/usage-api.ts'
import { type ReactNode, useState } from 'react'

import { EmptyState } from '#ui/empty-state.tsx'
import { type Column, Table } from '#ui/table.tsx'
import { listMeasures, type UsageMeasure } from './usage-amounts.ts'
import './usage-table.css'

interface UsageTableProps {
  report: UsageReport
  /** Head of the first column. */
  label: string
  /** How a row is called. */
  nameOf: (row: UsageRow) => ReactNode
}

type Order = { by: string; direction: 'ascending' | 'descending' }

/** A line for each day, user or group, with the largest amounts first until somebody wants it otherwise. */
export function UsageTable({ report, label, nameOf }: UsageTableProps) {
  const { by, currency, total, rows } = report
  const measures = listMeasures(currency, total)
  const [order, setOrder] = useState<Order>()
  const shown = order ?? defaultOrder(by, label)
  const sortBy = (column: string) => ({
    direction: shown.by === column ? shown.direction : undefined,
    onSort: () => setOrder(turn(shown, column, label)),
  })
  const most = Math.max(...rows.map((row) => row.coreHours))
  const columns: Column<UsageRow>[] = [
    { label, cell: nameOf, sort: sortBy(label) },
    ...measures.map((measure, index) => ({
      label: measure.label,
      align: 'end' as const,
      secondary: measure.label === 'Runs',
      sort: sortBy(measure.label),
      cell: (row: UsageRow) => (
        <span className="usage-amount">
          {index === 0 && <ShareBar share={most > 0 ? row.coreHours / most : 0} />}
          <b>{measure.format(measure.amountOf(row))}</b>
        </span>
      ),
    })),
  ]
  return (
    <Table
      label={`Usage by ${by}`}
      rows={sortRows(rows, shown, measures)}
      rowKey={({ name }) => name}
      columns={columns}
      empty={
        <EmptyState icon="chart" title="Nothing was used">
          What servers and jobs use in this time shows here.
        </EmptyState>
      }
    />
  )
}

function ShareBar({ share }: { share: number }) {
  return (
    <span className="usage-bar" aria-hidden="true">
      <span style={{ inlineSize: `${share * 100}%` }} />
    </span>
  )
}

/** The newest day, or who used most. */
function defaultOrder(by: UsageReport['by'], label: string): Order {
  return { by: by === 'day' ? label : 'Core hours', direction: 'descending' }
}

/** The other way round; a column that is new begins with the most, names with A. */
function turn(shown: Order, column: string, label: string): Order {
  if (shown.by !== column) return { by: column, direction: column === label ? 'ascending' : 'descending' }
  return { by: column, direction: shown.direction === 'ascending' ? 'descending' : 'ascending' }
}

function sortRows(
  rows: readonly UsageRow[],
  { by, direction }: Order,
  measures: readonly UsageMeasure[],
): readonly UsageRow[] {
  const measure = measures.find(({ label }) => label === by)
  const sign = direction === 'ascending' ? 1 : -1
  return rows.toSorted((a, b) =>
    measure === undefined
      ? sign * a.name.localeCompare(b.name)
      : sign * (measure.amountOf(a) - measure.amountOf(b)) || a.name.localeCompare(b.name),
  )
}
