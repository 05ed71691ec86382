import type { OfferedShare } from '@atrium/contract/portal-page.ts'

import { portalPage } from '#page-data.ts'
import { outside, paths } from '#paths.ts'
import { Button, buttonClass } from '#ui/button.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { ScopeDescriptions } from './scope-descriptions.tsx'

/** Somebody's server offered by a link. */
export function AcceptSharePage({ share }: { share: OfferedShare }) {
  const name = share.server ? `server “${share.server}”` : 'server'
  return (
    <div className="plain-card">
      <PageHeader
        title={`${share.owner} shares a ${name}`}
        description={`Accept to open it as ${portalPage.user?.name ?? 'you'}. It then shows on your home page.`}
      />
      <ScopeDescriptions scopes={share.scopes} />
      {share.expiresAtMs !== undefined && (
        <p className="muted">
          The link expires <RelativeTime atMs={share.expiresAtMs} />.
        </p>
      )}
      <form method="post" action={location.pathname + location.search}>
        <input type="hidden" name="_xsrf" value={portalPage.xsrfToken} />
        <div className="row">
          <a className={buttonClass()} href={outside.portal(paths.home())}>
            Not now
          </a>
          <Button type="submit" variant="primary">
            Accept
          </Button>
        </div>
      </form>
    </div>
  )
}
