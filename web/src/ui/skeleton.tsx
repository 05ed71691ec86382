import './skeleton.css'

/** Grey lines in the size of what comes. Says "loading" once to assistive technology. */
export function Skeleton({ lines = 3, label = 'Loading' }: { lines?: number; label?: string }) {
  return (
    <div className="skeleton" role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike and never move
        <span key={index} className="skeleton-line" />
      ))}
    </div>
  )
}
