import type { OneTimeLink } from '@atrium/contract/account.ts'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { oneTimeLinkQuery } from '#api/account.ts'
import { ApiError, messageOf } from '#api/http.ts'
import { outside, paths } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { useLinkSecret } from './use-link-secret.ts'

interface OneTimeLinkPageProps {
  purpose: OneTimeLink['purpose']
  children: (link: OneTimeLink, secret: string) => ReactNode
}

/** Looks at the link before anything is asked of the person, and says so if it is used up. */
export function OneTimeLinkPage({ purpose, children }: OneTimeLinkPageProps) {
  const secret = useLinkSecret()
  const { data: link, error, isLoading } = useQuery(oneTimeLinkQuery(secret))
  if (isLoading) {
    return (
      <div className="plain-card">
        <Skeleton label="Looking at your link" />
      </div>
    )
  }
  if (!link || link.purpose !== purpose) return <UselessLink error={error} />
  return <div className="plain-card">{children(link, secret)}</div>
}

function UselessLink({ error }: { error: Error | null }) {
  const isPassing = error instanceof ApiError && error.isPassing
  return (
    <div className="plain-card">
      <PageHeader title="This link does not work" />
      <Notice tone="bad">
        {isPassing
          ? messageOf(error)
          : 'It was used already, has expired, or was not copied whole. Each link works once: ask for a new one.'}
      </Notice>
      <a className={buttonClass()} href={outside.portal(paths.login())}>
        Sign in instead
      </a>
    </div>
  )
}
