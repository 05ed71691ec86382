import { ChangePasswordForm } from '#forms/change-password-form.tsx'
import { mayUse, signedInUser } from '#page-data.ts'
import { Badge } from '#ui/badge.tsx'
import { Card } from '#ui/card.tsx'
import { Facts } from '#ui/facts.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { SessionList } from './session-list.tsx'
import { ThemeSetting } from './theme-setting.tsx'

/** Who one is here, the password, the browsers one is signed in with, and how the portal looks. */
export function AccountPage() {
  const user = signedInUser()
  return (
    <>
      <PageHeader title="Account" />
      <Card title="You">
        <Facts
          facts={[
            { label: 'Username', value: user.name },
            { label: 'Groups', value: user.groups.join(', ') || <span className="muted">None</span> },
            {
              label: 'Role',
              value: mayUse('admin-ui') ? <Badge tone="accent">Administrator</Badge> : 'User',
            },
          ]}
        />
      </Card>
      <Card title="Password" description="Changing it signs you out of all other browsers.">
        <ChangePasswordForm />
      </Card>
      <Card title="Browsers" description="Where you are signed in now." flush>
        <SessionList />
      </Card>
      <Card title="Appearance">
        <ThemeSetting />
      </Card>
    </>
  )
}
