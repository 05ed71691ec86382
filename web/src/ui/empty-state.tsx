import type { ReactNode } from 'react'
import './empty-state.css'
import { Icon, type IconName } from './icon.tsx'

interface EmptyStateProps {
  icon: IconName
  title: string
  /** What to do about it, or what would be here. */
  children: ReactNode
  actions?: ReactNode
}

/** Stands where a list would be. */
export function EmptyState({ icon, title, children, actions }: EmptyStateProps) {
  return (
    <div className="empty-state">
      <Icon name={icon} size={22} />
      <p className="empty-state-title">{title}</p>
      <p className="muted">{children}</p>
      {actions && <div className="row">{actions}</div>}
    </div>
  )
}
