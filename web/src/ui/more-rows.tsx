import { Button } from './button.tsx'
import './pager.css'

interface MoreRowsProps {
  hasMore: boolean
  busy: boolean
  onMore: () => void
}

/** Reads on in a list whose length is not known. */
export function MoreRows({ hasMore, busy, onMore }: MoreRowsProps) {
  if (!hasMore) return null
  return (
    <div className="pager">
      <Button size="s" busy={busy} onClick={onMore}>
        Show more
      </Button>
    </div>
  )
}
