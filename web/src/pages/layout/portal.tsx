import type { PageContent } from '@atrium/contract/portal-page.ts'
import { Suspense } from 'react'
import { useRoutes } from 'react-router'
import { portalPage } from '#page-data.ts'
import { ErrorPage } from '#pages/errors/error-page.tsx'
import { AcceptSharePage } from '#pages/oauth/accept-share-page.tsx'
import { ConsentPage } from '#pages/oauth/consent-page.tsx'
import { routes } from '#routes.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { CrashBoundary } from './crash-boundary.tsx'
import { PlainLayout } from './plain-layout.tsx'

/** The whole portal: the page that the control plane answered with, or the one its URL names. */
export function Portal() {
  return (
    <CrashBoundary>
      <Suspense fallback={<Skeleton />}>
        <Content content={portalPage.content} />
      </Suspense>
    </CrashBoundary>
  )
}

function Content({ content }: { content: PageContent }) {
  switch (content.kind) {
    case 'portal':
      return <RoutedPage />
    case 'error':
      return (
        <PlainLayout>
          <ErrorPage {...content} />
        </PlainLayout>
      )
    case 'consent':
      return (
        <PlainLayout>
          <ConsentPage consent={content.consent} />
        </PlainLayout>
      )
    case 'accept-share':
      return (
        <PlainLayout>
          <AcceptSharePage share={content.share} />
        </PlainLayout>
      )
  }
}

function RoutedPage() {
  return useRoutes(routes)
}
