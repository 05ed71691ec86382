import { useCallback, useState } from 'react'

/** Rows that are selected, by their key, as they were when they were. Kept while one pages and searches. */
export interface Selection<Row> {
  readonly rows: readonly Row[]
  has(row: Row): boolean
  set(rows: readonly Row[], isSelected: boolean): void
  clear(): void
}

export function useSelection<Row>(keyOf: (row: Row) => string): Selection<Row> {
  const [selected, setSelected] = useState<ReadonlyMap<string, Row>>(new Map())
  const set = useCallback(
    (rows: readonly Row[], isSelected: boolean) =>
      setSelected((before) => {
        const next = new Map(before)
        for (const row of rows) {
          if (isSelected) next.set(keyOf(row), row)
          else next.delete(keyOf(row))
        }
        return next
      }),
    [keyOf],
  )
  return {
    rows: [...selected.values()],
    has: (row) => selected.has(keyOf(row)),
    set,
    clear: () => setSelected(new Map()),
  }
}
