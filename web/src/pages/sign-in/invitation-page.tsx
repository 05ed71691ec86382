import { UseLinkForm } from '#forms/use-link-form.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { OneTimeLinkPage } from './one-time-link-page.tsx'

/** Somebody new makes an account. */
export function InvitationPage() {
  return (
    <OneTimeLinkPage purpose="invitation">
      {(link, secret) => (
        <>
          <PageHeader
            title="You are invited"
            description={
              link.invitedBy ? `${link.invitedBy} invites you to make an account.` : 'Make your account.'
            }
          />
          {link.groups && link.groups.length > 0 && <p>You will be in {link.groups.join(', ')}.</p>}
          <UseLinkForm
            secret={secret}
            username={link.user}
            asksName={link.user === undefined}
            password="required"
            submitLabel="Make the account"
          />
        </>
      )}
    </OneTimeLinkPage>
  )
}
