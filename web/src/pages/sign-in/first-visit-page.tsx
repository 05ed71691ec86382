import { UseLinkForm } from '#forms/use-link-form.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { OneTimeLinkPage } from './one-time-link-page.tsx'

/** A one-time sign-in link, above all the one printed at the first start. */
export function FirstVisitPage() {
  return (
    <OneTimeLinkPage purpose="sign-in">
      {(link, secret) => (
        <>
          <PageHeader
            title={`Welcome, ${link.user ?? 'administrator'}`}
            description="This link signs you in once. Choose a password to be able to come back."
          />
          <UseLinkForm secret={secret} username={link.user} password="optional" submitLabel="Sign in" />
        </>
      )}
    </OneTimeLinkPage>
  )
}
