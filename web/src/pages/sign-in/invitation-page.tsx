import type { OneTimeLink } from '@atrium/contract/account.ts'

import { UseLinkForm } from '#forms/use-link-form.tsx'
import { portalPage } from '#page-data.ts'
import { PageHeader } from '#ui/page-header.tsx'

import { OneTimeLinkPage } from './one-time-link-page.tsx'

/** Somebody new makes an account. */
export function InvitationPage() {
  return (
    <OneTimeLinkPage purpose="invitation">
      {(link, secret) => (
        <>
          <PageHeader {...greet(link)} />
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

/** The first invitation comes from the platform itself, for whoever set it up. */
function greet({ invitedBy }: OneTimeLink): { title: string; description: string } {
  if (invitedBy === undefined || invitedBy === 'system') {
    return {
      title: `Welcome to ${portalPage.platformName}`,
      description: 'Make the account of the first administrator.',
    }
  }
  const host = invitedBy.startsWith('user:') ? invitedBy.slice('user:'.length) : 'An administrator'
  return { title: 'You are invited', description: `${host} invites you to make an account.` }
}
