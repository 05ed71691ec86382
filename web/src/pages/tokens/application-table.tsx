import type { HubToken } from '@atrium/contract/hub-models.ts'

import { useRevokeTokens } from '#api/tokens.ts'
import { Button } from '#ui/button.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'
import { useToast } from '#ui/toast.tsx'

interface Application {
  name: string
  tokens: readonly HubToken[]
  firstAtMs: number
  lastAtMs?: number
}

/** Applications that hold tokens of this user, each with all of them. */
export function ApplicationTable({ user, tokens }: { user: string; tokens: readonly HubToken[] }) {
  return (
    <Table
      label="Authorised applications"
      rows={groupByApplication(tokens)}
      rowKey={(application) => application.name}
      empty={
        <EmptyState icon="plug" title="No applications">
          Applications you sign in to with this platform, your own servers among them, show up here.
        </EmptyState>
      }
      columns={[
        { label: 'Application', cell: ({ name }) => name },
        { label: 'First authorised', cell: ({ firstAtMs }) => <RelativeTime atMs={firstAtMs} /> },
        {
          label: 'Last used',
          cell: ({ lastAtMs }) =>
            lastAtMs ? <RelativeTime atMs={lastAtMs} /> : <span className="muted">Never</span>,
        },
        {
          label: '',
          srLabel: 'Actions',
          align: 'end',
          cell: (application) => <RevokeButton user={user} application={application} />,
        },
      ]}
    />
  )
}

function RevokeButton({ user, application }: { user: string; application: Application }) {
  const revoke = useRevokeTokens(user)
  const toast = useToast()
  return (
    <Button
      size="s"
      busy={revoke.isPending}
      aria-label={`Revoke ${application.name}`}
      onClick={() =>
        revoke.mutate(
          application.tokens.map((token) => token.id),
          {
            onSuccess: () => toast.done(`${application.name} has no access any more.`),
            onError: (error) => toast.failed(error.message),
          },
        )
      }
    >
      Revoke
    </Button>
  )
}

function groupByApplication(tokens: readonly HubToken[]): Application[] {
  const byName = Map.groupBy(tokens, (token) => token.oauth_client ?? 'Unknown application')
  return [...byName].map(([name, group]) => {
    const used = group.flatMap((token) => (token.last_activity ? [Date.parse(token.last_activity)] : []))
    return {
      name,
      tokens: group,
      firstAtMs: Math.min(...group.map((token) => Date.parse(token.created))),
      ...(used.length > 0 && { lastAtMs: Math.max(...used) }),
    }
  })
}
