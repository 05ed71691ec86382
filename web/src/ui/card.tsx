import { type ReactNode, useId } from 'react'
import './card.css'

interface CardProps {
  title: ReactNode
  /** A sentence under the title. */
  description?: ReactNode
  /** Buttons on the right of the title. */
  actions?: ReactNode
  /** Content reaches the edges: for tables and lists. */
  flush?: boolean
  children: ReactNode
}

/** A titled part of a page. */
export function Card({ title, description, actions, flush = false, children }: CardProps) {
  const id = useId()
  return (
    <section className="card" aria-labelledby={id}>
      <header className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {description && <p className="muted">{description}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </header>
      <div className={flush ? 'card-flush' : 'card-body'}>{children}</div>
    </section>
  )
}
