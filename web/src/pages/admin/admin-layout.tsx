import { Outlet } from 'react-router'

import { mayUse } from '#page-data.ts'
import { ErrorPage } from '#pages/errors/error-page.tsx'

/** Keeps out who has no business here; the server would refuse every request anyway. */
export function AdminLayout() {
  if (!mayUse('admin-ui')) {
    return <ErrorPage status={403} message="These pages are for administrators." />
  }
  return <Outlet />
}
