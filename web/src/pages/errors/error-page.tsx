import { useLocation } from 'react-router'

import { portalPage } from '#page-data.ts'
import { outside, paths } from '#paths.ts'
import { Button, buttonClass } from '#ui/button.tsx'
import { PageHeader } from '#ui/page-header.tsx'

interface ErrorPageProps {
  status: number
  message: string
  detail?: string
  /** The way on, for the main button. */
  action?: { label: string; url: string }
}

const titles: Record<number, string> = {
  400: 'This request makes no sense',
  403: 'This is not yours to open',
  404: 'There is nothing here',
  424: 'This server is not running',
  503: 'Not ready yet',
}

const advice: Record<number, string> = {
  403: 'Ask its owner to share it with you, or an administrator for the permission.',
  404: 'Check the address. What you look for may have been renamed or removed.',
  500: 'Reload the page. If it happens again, tell an administrator what you did and when.',
  503: 'Wait a moment and reload the page.',
}

/** An error answered as a page: what happened, what to do, and the way home. */
export function ErrorPage({ status, message, detail, action }: ErrorPageProps) {
  const title = titles[status] ?? 'Something went wrong'
  const hint = advice[status]
  const says = message.replace(/\.$/, '') === title ? undefined : message
  return (
    <div className="plain-card">
      <PageHeader title={title} description={says} />
      {hint && <p>{hint}</p>}
      {detail && <p className="muted">{detail}</p>}
      <div className="row">
        <MainLink action={action} />
        {action && portalPage.user && (
          <a className={buttonClass()} href={outside.portal(paths.home())}>
            Go home
          </a>
        )}
        {status >= 500 && <Button onClick={() => location.reload()}>Reload</Button>}
      </div>
      <p className="muted">Error {status}</p>
    </div>
  )
}

/** The way on that the answer named; else home, or to the sign-in page. */
function MainLink({ action }: { action: ErrorPageProps['action'] }) {
  const home = { label: 'Go home', url: outside.portal(paths.home()) }
  const signIn = { label: 'Sign in', url: outside.portal(paths.login()) }
  const { label, url } = action ?? (portalPage.user ? home : signIn)
  return (
    <a className={buttonClass({ variant: 'primary' })} href={url}>
      {label}
    </a>
  )
}

/** For addresses the portal does not know. */
export function NotFoundPage() {
  const { pathname } = useLocation()
  return (
    <div className="stack gap-l">
      <PageHeader
        title="There is nothing here"
        description={`No page of the portal has the address ${pathname}.`}
      />
      <div className="row">
        <a className={buttonClass({ variant: 'primary' })} href={outside.portal(paths.home())}>
          Go home
        </a>
      </div>
    </div>
  )
}
