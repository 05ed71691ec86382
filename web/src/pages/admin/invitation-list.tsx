import { useQuery } from '@tanstack/react-query'

import { invitationsQuery, useRevokeInvitation } from '#api/account.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'
import { useToast } from '#ui/toast.tsx'

/** Invitations nobody has accepted yet; nothing when there are none. */
export function InvitationList() {
  const { data: invitations } = useQuery(invitationsQuery)
  const revoke = useRevokeInvitation()
  const toast = useToast()
  if (!invitations?.length) return null
  return (
    <Card title="Open invitations" flush>
      <Table
        label="Open invitations"
        rows={invitations}
        rowKey={(invitation) => invitation.id}
        empty={null}
        columns={[
          { label: 'For', cell: ({ username }) => username ?? 'Whoever has the link' },
          { label: 'Groups', cell: ({ groups }) => groups.join(', ') },
          { label: 'By', cell: ({ createdBy }) => createdBy.replace(/^user:/, '') },
          { label: 'Expires', cell: ({ expiresAtMs }) => <RelativeTime atMs={expiresAtMs} /> },
          {
            label: '',
            srLabel: 'Actions',
            align: 'end',
            cell: ({ id, username }) => (
              <Button
                size="s"
                aria-label={`Take back the invitation for ${username ?? 'whoever has the link'}`}
                onClick={() => revoke.mutate(id, { onError: (error) => toast.failed(error.message) })}
              >
                Take back
              </Button>
            ),
          },
        ]}
      />
    </Card>
  )
}
