import type { HubShare } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'

import { sharedWithQuery, useLeaveShare } from '#api/shares.ts'
import { mayUse } from '#page-data.ts'
import { Badge } from '#ui/badge.tsx'
import { Button, buttonClass } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Table } from '#ui/table.tsx'
import { useToast } from '#ui/toast.tsx'

/** Servers of others that this person may open; nothing when there are none. */
export function SharedWithMe({ user }: { user: string }) {
  const { data: shares } = useQuery({
    ...sharedWithQuery(user),
    enabled: mayUse('read:users:shares', 'users:shares'),
  })
  if (!shares?.length) return null
  return (
    <Card title="Shared with you" flush>
      <Table
        label="Servers shared with you"
        rows={shares}
        rowKey={(share) => `${share.server.user.name}/${share.server.name}/${share.kind}`}
        empty={null}
        columns={[
          { label: 'Server', cell: ({ server }) => server.name || 'Default server' },
          { label: 'Owner', cell: ({ server }) => server.user.name },
          { label: 'Through', cell: (share) => (share.group ? `group ${share.group.name}` : 'you by name') },
          { label: 'State', cell: ({ server }) => <ReadyBadge ready={server.ready} /> },
          {
            label: '',
            srLabel: 'Actions',
            align: 'end',
            cell: (share) => <ShareActions user={user} share={share} />,
          },
        ]}
      />
    </Card>
  )
}

function ReadyBadge({ ready }: { ready: boolean }) {
  return (
    <Badge tone={ready ? 'good' : 'neutral'} dot="still">
      {ready ? 'Running' : 'Not running'}
    </Badge>
  )
}

function ShareActions({ user, share }: { user: string; share: HubShare }) {
  const leave = useLeaveShare(user)
  const toast = useToast()
  const { server } = share
  return (
    <div className="row">
      {server.ready && (
        <a className={buttonClass({ size: 's' })} href={server.url}>
          Open
        </a>
      )}
      {share.kind === 'user' && (
        <Button
          size="s"
          variant="quiet"
          busy={leave.isPending}
          onClick={() =>
            leave.mutate(share, {
              onSuccess: () => toast.done(`You gave up ${server.user.name}'s server.`),
              onError: (error) => toast.failed(error.message),
            })
          }
        >
          Give up
        </Button>
      )}
    </div>
  )
}
