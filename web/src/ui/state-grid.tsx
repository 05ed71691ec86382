import type { CSSProperties } from 'react'
import { useId } from 'react'

import type { Tone } from './badge.tsx'
import './state-grid.css'

export interface StateCell {
  number: number
  /** What its colour says, in words. */
  word: string
  tone: Tone
  /** Has not begun: drawn as a frame. */
  waits?: boolean
}

interface StateGridProps {
  label: string
  cells: readonly StateCell[]
  value: number | undefined
  onChoose: (number: number) => void
}

/** Many numbered things with their states on little room; one can be chosen, by arrow keys too. */
export function StateGrid({ label, cells, value, onChoose }: StateGridProps) {
  const name = useId()
  const digits = String(cells.at(-1)?.number ?? 0).length
  return (
    <fieldset className="state-grid" style={{ '--digits': digits } as CSSProperties}>
      <legend className="visually-hidden">{label}</legend>
      {cells.map((cell) => (
        <label
          key={cell.number}
          data-tone={cell.tone}
          data-waits={cell.waits || undefined}
          title={`${cell.number}: ${cell.word}`}
        >
          <input
            type="radio"
            name={name}
            aria-label={`${cell.number}: ${cell.word}`}
            checked={cell.number === value}
            onChange={() => onChoose(cell.number)}
          />
          {cell.number}
        </label>
      ))}
    </fieldset>
  )
}
