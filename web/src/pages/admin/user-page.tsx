import type { HubUser } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { userQuotasQuery } from '#api/jobs.ts'
import { allProfilesQuery, profilesQuery, serversQuery } from '#api/servers.ts'
import { tokensQuery } from '#api/tokens.ts'
import { userQuery } from '#api/users.ts'
import { mayUse } from '#page-data.ts'
import { JobTable } from '#pages/jobs/job-table.tsx'
import { AllAtOnce } from '#pages/layout/all-at-once.tsx'
import { QuotaMeters } from '#pages/quotas/quota-meters.tsx'
import { ServerCard } from '#pages/servers/server-card.tsx'
import { TokenTable } from '#pages/tokens/token-table.tsx'
import { UsageCard } from '#pages/usage/usage-card.tsx'
import { paths } from '#paths.ts'
import { Badge } from '#ui/badge.tsx'
import { Card } from '#ui/card.tsx'
import { Facts } from '#ui/facts.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { UserMenu } from './user-menu.tsx'

/** Everything an administrator sees of one user. */
export function UserPage() {
  const { user: name = '' } = useParams()
  const navigate = useNavigate()
  const { data: user, error } = useQuery(userQuery(name))
  const leave = (newName?: string) =>
    void navigate(newName ? paths.admin.user(newName) : paths.admin.users(), { replace: true })
  return (
    <>
      <PageHeader
        title={name}
        back={<Link to={paths.admin.users()}>Users</Link>}
        actions={user && <UserMenu user={user} onGone={leave} />}
      />
      {error && (
        <Notice tone="bad" title="This user cannot be shown">
          {messageOf(error)}
        </Notice>
      )}
      <AllAtOnce>{user && <UserDetails user={user} />}</AllAtOnce>
    </>
  )
}

function UserDetails({ user }: { user: HubUser }) {
  const quotas = useQuery({ ...userQuotasQuery(user.name), enabled: mayUse('read:quotas') })
  const own = quotas.data?.quotas.find((quota) => quota.subject === 'user')
  return (
    <>
      <Card title="Account">
        <Facts
          facts={[
            { label: 'Rights', value: user.admin ? <Badge tone="accent">Admin</Badge> : 'User' },
            { label: 'Groups', value: user.groups?.join(', ') || <span className="muted">None</span> },
            { label: 'Roles', value: user.roles?.join(', ') },
            { label: 'Created', value: user.created && <RelativeTime atMs={Date.parse(user.created)} /> },
            {
              label: 'Last activity',
              value: user.last_activity ? <RelativeTime atMs={Date.parse(user.last_activity)} /> : 'Never',
            },
          ]}
        />
      </Card>
      {mayUse('read:servers') && <UserServers user={user.name} />}
      {own && (
        <Card title="Quota">
          <QuotaMeters quota={own} />
        </Card>
      )}
      {mayUse('read:usage') && <UsageCard of={{ user: user.name }} />}
      {mayUse('read:jobs') && (
        <Card title="Jobs" flush>
          <JobTable query={{ user: user.name, state: 'all' }} />
        </Card>
      )}
      {mayUse('read:tokens') && <UserTokens user={user.name} />}
    </>
  )
}

function UserServers({ user }: { user: string }) {
  const servers = useQuery(serversQuery(user))
  const profiles = useQuery({ ...profilesQuery(user), enabled: mayUse('start:servers') })
  if (!servers.data || profiles.isLoading) return <Skeleton />
  return (
    <>
      {servers.data.map((server) => (
        <ServerCard key={server.name} server={server} profiles={profiles.data ?? []} />
      ))}
      {mayUse('admin:servers') && <WithheldProfiles user={user} />}
    </>
  )
}

/** Why somebody is not offered what should be theirs. */
function WithheldProfiles({ user }: { user: string }) {
  const { data = [] } = useQuery(allProfilesQuery(user))
  const withheld = data.filter((profile) => profile.withheld)
  if (withheld.length === 0) return null
  return (
    <Card title="Profiles that are not offered" description="The scheduler would refuse them.">
      <Facts facts={withheld.map((profile) => ({ label: profile.title, value: profile.withheld }))} />
    </Card>
  )
}

function UserTokens({ user }: { user: string }) {
  const { data } = useQuery(tokensQuery(user))
  return (
    <Card title="Tokens" flush>
      {data ? <TokenTable user={user} tokens={data} /> : <Skeleton lines={2} />}
    </Card>
  )
}
