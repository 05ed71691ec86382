import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import './selection-bar.css'

interface SelectionBarProps {
  label: string
  /** How much is selected; undefined: nothing, and there is no bar. */
  text: string | undefined
  onClear: () => void
  /** Buttons for what can be done with it. */
  children: ReactNode
}

/** Stands at the lower edge of the window while something is selected, so that nothing moves under the pointer. */
export function SelectionBar({ label, text, onClear, children }: SelectionBarProps) {
  return (
    <section className="selection" aria-label={label}>
      <p className="visually-hidden" role="status">
        {text}
      </p>
      {text && (
        <div className="selection-bar">
          <p className="nowrap" aria-hidden="true">
            {text}
          </p>
          {children}
          <Button size="s" variant="quiet" onClick={onClear}>
            Clear
          </Button>
        </div>
      )}
    </section>
  )
}
