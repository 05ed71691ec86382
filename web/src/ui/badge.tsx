import type { ReactNode } from 'react'
import './badge.css'

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'accent'

interface BadgeProps {
  tone?: Tone
  /** A dot before the word, for states; it pulses while something is under way. */
  dot?: 'still' | 'pulsing'
  children: ReactNode
}

/** A short word of state or kind. The word carries the meaning, the colour only helps. */
export function Badge({ tone = 'neutral', dot, children }: BadgeProps) {
  return (
    <span className="badge" data-tone={tone}>
      {dot && <span className="badge-dot" data-pulsing={dot === 'pulsing' || undefined} />}
      <span className="badge-text">{children}</span>
    </span>
  )
}
