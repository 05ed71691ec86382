import type { ReactNode } from 'react'
import { Outlet } from 'react-router'

import { portalPage } from '#page-data.ts'
import { Mark } from '#ui/icon.tsx'
import { Notice } from '#ui/notice.tsx'
import './plain-layout.css'

/** One card in the middle: for pages that ask one thing, before or beside the portal. */
export function PlainLayout({ children }: { children?: ReactNode }) {
  return (
    <div className="plain">
      <header className="plain-brand">
        <Mark size={32} />
        <span>{portalPage.platformName}</span>
      </header>
      <main className="plain-main">
        {portalPage.announcement && <Notice>{portalPage.announcement}</Notice>}
        {children ?? <Outlet />}
      </main>
    </div>
  )
}
