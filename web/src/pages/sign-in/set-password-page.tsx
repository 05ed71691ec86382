import { UseLinkForm } from '#forms/use-link-form.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { OneTimeLinkPage } from './one-time-link-page.tsx'

/** A password set by a one-time link, since the old one is forgotten or there was none. */
export function SetPasswordPage() {
  return (
    <OneTimeLinkPage purpose="set-password">
      {(link, secret) => (
        <>
          <PageHeader
            title="Set a password"
            description={`For the account ${link.user}. Other browsers are signed out.`}
          />
          <UseLinkForm
            secret={secret}
            username={link.user}
            password="required"
            submitLabel="Set the password"
          />
        </>
      )}
    </OneTimeLinkPage>
  )
}
