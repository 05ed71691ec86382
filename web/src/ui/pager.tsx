import { Button } from './button.tsx'
import './pager.css'

interface PagerProps {
  offset: number
  limit: number
  total: number
  onMove: (offset: number) => void
}

/** Moves through pages of a list whose length is known. */
export function Pager({ offset, limit, total, onMove }: PagerProps) {
  if (total <= limit && offset === 0) return null
  const last = Math.min(total, offset + limit)
  return (
    <nav className="pager" aria-label="Pages">
      <p className="muted" aria-live="polite">
        {offset + 1}–{last} of {total}
      </p>
      <div className="row">
        <Button
          size="s"
          icon="chevronLeft"
          disabled={offset === 0}
          onClick={() => onMove(Math.max(0, offset - limit))}
        >
          Previous
        </Button>
        <Button size="s" disabled={last >= total} onClick={() => onMove(offset + limit)}>
          Next
        </Button>
      </div>
    </nav>
  )
}
