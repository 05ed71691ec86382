import type { OauthConsent } from '@atrium/contract/portal-page.ts'

import { portalPage } from '#page-data.ts'
import { outside, paths } from '#paths.ts'
import { Button, buttonClass } from '#ui/button.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { ScopeDescriptions } from './scope-descriptions.tsx'

/** Asks whether an application may act for the person; a plain form, so that the redirect back is the browser's own. */
export function ConsentPage({ consent }: { consent: OauthConsent }) {
  return (
    <div className="plain-card">
      <PageHeader
        title={`Allow ${consent.clientName}?`}
        description={`It wants to use ${portalPage.platformName} as ${portalPage.user?.name ?? 'you'}.`}
      />
      <ScopeDescriptions scopes={consent.scopes} />
      <p className="muted">
        You will go to <strong>{consent.redirectHost}</strong>. You can take this back at any time under
        Tokens.
      </p>
      <form method="post" action={location.pathname + location.search}>
        <input type="hidden" name="_xsrf" value={portalPage.xsrfToken} />
        {consent.scopes.map(({ scope }) => (
          <input key={scope} type="hidden" name="scopes" value={scope} />
        ))}
        <div className="row">
          <a className={buttonClass()} href={outside.portal(paths.home())}>
            Do not allow
          </a>
          <Button type="submit" variant="primary">
            Allow
          </Button>
        </div>
      </form>
    </div>
  )
}
