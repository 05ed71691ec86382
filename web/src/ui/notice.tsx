import type { ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'
import './notice.css'

type NoticeTone = 'info' | 'good' | 'warn' | 'bad'

const icons: Record<NoticeTone, IconName> = { info: 'info', good: 'check', warn: 'warning', bad: 'warning' }

interface NoticeProps {
  tone?: NoticeTone
  title?: ReactNode
  actions?: ReactNode
  /** Said at once by a screen reader: for what answers something the person just did. */
  assertive?: boolean
  children?: ReactNode
}

/** A message in the flow of the page. */
export function Notice({ tone = 'info', title, actions, assertive = false, children }: NoticeProps) {
  return (
    <div className="notice" data-tone={tone} role={assertive ? 'alert' : undefined}>
      <Icon name={icons[tone]} />
      <div className="notice-text">
        {title && <p className="notice-title">{title}</p>}
        {children && <div>{children}</div>}
      </div>
      {actions && <div className="row">{actions}</div>}
    </div>
  )
}
