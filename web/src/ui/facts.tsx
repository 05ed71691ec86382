import type { ReactNode } from 'react'
import './facts.css'

export interface Fact {
  label: string
  /** Left out when undefined or null. */
  value: ReactNode
}

/** Labelled values side by side, or below one another where it is narrow. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  const known = facts.filter((fact) => fact.value !== undefined && fact.value !== null)
  return (
    <dl className="facts">
      {known.map((fact) => (
        <div key={fact.label}>
          <dt>{fact.label}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  )
}
