import './progress-bar.css'

/** How far something is, 0-100; absent: under way, nobody knows how far. */
export function ProgressBar({ label, percent }: { label: string; percent?: number }) {
  return (
    <div
      className="progress-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      data-unknown={percent === undefined || undefined}
    >
      <span style={{ inlineSize: `${percent ?? 30}%` }} />
    </div>
  )
}
