import { Suspense } from 'react'
import { Outlet } from 'react-router'

import { portalPage } from '#page-data.ts'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import './app-shell.css'

import { ConnectionNotice } from './connection-notice.tsx'
import { MobileBar } from './mobile-bar.tsx'
import { Sidebar } from './sidebar.tsx'
import { usePageFocus } from './use-page-focus.ts'

/** Navigation at the side (a bar on top where it is narrow) and the page beside it. */
export function AppShell() {
  usePageFocus()
  return (
    <div className="shell">
      <a className="skip-link button button-primary" href="#content">
        Skip to the content
      </a>
      <MobileBar />
      <header className="shell-side">
        <Sidebar />
      </header>
      <main id="content" className="shell-main" tabIndex={-1}>
        <div className="shell-page">
          <ConnectionNotice />
          {portalPage.announcement && <Notice>{portalPage.announcement}</Notice>}
          <Suspense fallback={<Skeleton lines={5} />}>
            <Outlet />
          </Suspense>
        </div>
      </main>
    </div>
  )
}
