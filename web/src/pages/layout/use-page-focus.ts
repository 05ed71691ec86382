import { useEffect, useRef } from 'react'
import { useLocation } from 'react-router'

import { pageTitleId } from '#ui/page-header.tsx'

/** After a navigation the new page's heading has the focus and the page is at its top, as after loading one. */
export function usePageFocus(): void {
  const { pathname } = useLocation()
  const shown = useRef(pathname)
  useEffect(() => {
    if (shown.current === pathname) return
    shown.current = pathname
    document.getElementById(pageTitleId)?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [pathname])
}
