import { type ReactNode, useEffect } from 'react'
import './page-header.css'

interface PageHeaderProps {
  /** Also the window's title. */
  title: string
  /** Shown instead of the title, where it is more than text. */
  heading?: ReactNode
  description?: ReactNode
  /** Where one came from: a link. */
  back?: ReactNode
  actions?: ReactNode
}

/** Of the heading. */
export const pageTitleId = 'page-title'

/** Title and main actions of a page. Its heading takes the focus after a navigation. */
export function PageHeader({ title, heading, description, back, actions }: PageHeaderProps) {
  useEffect(() => {
    document.title = `${title} · Atrium`
  }, [title])
  return (
    <header className="page-header">
      {back && <div className="page-header-back">{back}</div>}
      <div className="page-header-row">
        <div>
          <h1 tabIndex={-1} id={pageTitleId}>
            {heading ?? title}
          </h1>
          {description && <p className="muted">{description}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
    </header>
  )
}
