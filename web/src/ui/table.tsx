// biome-ignore-all lint/a11y/noRedundantRoles: browsers drop the roles of table parts whose display is changed
import type { ReactNode } from 'react'
import './table.css'

export interface Column<Row> {
  /** Head of the column, and the label of the value where the table is narrow. Empty for buttons: give `srLabel`. */
  label: string
  srLabel?: string
  /** Shown in the head before the label. */
  lead?: ReactNode
  cell: (row: Row) => ReactNode
  align?: 'end'
  /** Left out where there is little room. */
  secondary?: boolean
  /** Rows can be sorted by it; `direction` while they are. */
  sort?: { direction: 'ascending' | 'descending' | undefined; onSort: () => void }
}

interface TableProps<Row> {
  /** What the table lists, for assistive technology. */
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  /** Shown instead of a table without rows. */
  empty: ReactNode
}

/**
 * Rows and columns. Where it is narrow each row becomes a block of labelled values; the roles are written out because that
 * change of layout would drop them.
 */
export function Table<Row>({ label, columns, rows, rowKey, empty }: TableProps<Row>) {
  if (rows.length === 0) return empty
  return (
    <div className="table-frame">
      <table className="table" role="table" aria-label={label}>
        <thead role="rowgroup" data-sortable={columns.some(({ sort }) => sort) || undefined}>
          <tr role="row">
            {columns.map((column) => (
              <th
                key={column.label || column.srLabel}
                role="columnheader"
                scope="col"
                aria-sort={column.sort?.direction}
                {...layoutOf(column)}
              >
                {column.lead}
                <ColumnHead column={column} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row">
              {columns.map((column) => (
                <td
                  key={column.label || column.srLabel}
                  role="cell"
                  data-label={column.label || undefined}
                  {...layoutOf(column)}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ColumnHead<Row>({ column: { label, srLabel, sort } }: { column: Column<Row> }) {
  if (!sort) return label || <span className="visually-hidden">{srLabel}</span>
  return (
    <button type="button" className="table-sort" onClick={sort.onSort}>
      {label}
      <span aria-hidden="true">{sort.direction && (sort.direction === 'ascending' ? '↑' : '↓')}</span>
    </button>
  )
}

function layoutOf<Row>({ align, secondary }: Column<Row>) {
  return { 'data-align': align, 'data-secondary': secondary || undefined }
}
