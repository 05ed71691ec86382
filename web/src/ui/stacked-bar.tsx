import type { Tone } from './badge.tsx'
import './stacked-bar.css'

interface StackedBarProps {
  /** What the bar shows, in words: it has none of its own. */
  label: string
  parts: readonly { key: string; amount: number; tone: Tone }[]
  /** What the whole length stands for. */
  total: number
}

/** Amounts of several kinds as one bar. */
export function StackedBar({ label, parts, total }: StackedBarProps) {
  return (
    <div className="stacked-bar" role="img" aria-label={label}>
      {parts
        .filter(({ amount }) => amount > 0)
        .map(({ key, amount, tone }) => (
          <span
            key={key}
            data-tone={tone}
            style={{ inlineSize: `${(amount / Math.max(total, 1)) * 100}%` }}
          />
        ))}
    </div>
  )
}
