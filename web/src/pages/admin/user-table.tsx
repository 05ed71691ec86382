import type { HubServer, HubUser } from '@atrium/contract/hub-models.ts'
import { Link } from 'react-router'

import { paths } from '#paths.ts'
import { Badge } from '#ui/badge.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

import type { Selection } from './use-selection.ts'
import { UserMenu } from './user-menu.tsx'
import './user-table.css'

interface UserTableProps {
  users: readonly HubUser[]
  /** An empty list means that nothing fits, not that there is nobody. */
  isFiltered: boolean
  selection: Selection<HubUser>
}

/** Users with their servers, and what can be done with each. */
export function UserTable({ users, isFiltered, selection }: UserTableProps) {
  return (
    <Table
      label="Users"
      rows={users}
      rowKey={(user) => user.name}
      empty={<NoUsers isFiltered={isFiltered} />}
      columns={[
        {
          label: 'Name',
          lead: <SelectBox label="Select all on this page" rows={users} selection={selection} />,
          cell: (user) => (
            <span className="row">
              <SelectBox label={`Select ${user.name}`} rows={[user]} selection={selection} />
              <UserName user={user} />
            </span>
          ),
        },
        { label: 'Servers', cell: (user) => <RunningServers user={user} /> },
        { label: 'Groups', secondary: true, cell: (user) => user.groups?.join(', ') },
        { label: 'Last activity', cell: (user) => <LastActivity at={user.last_activity} /> },
        { label: '', srLabel: 'Actions', align: 'end', cell: (user) => <UserMenu user={user} /> },
      ]}
    />
  )
}

function NoUsers({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <EmptyState icon="search" title="No user fits">
      Search for a part of the name, or show all users.
    </EmptyState>
  ) : (
    <EmptyState icon="users" title="No users yet">
      Add users by name, or invite somebody by a link.
    </EmptyState>
  )
}

interface SelectBoxProps {
  label: string
  rows: readonly HubUser[]
  selection: Selection<HubUser>
}

function SelectBox({ label, rows, selection }: SelectBoxProps) {
  return (
    <input
      type="checkbox"
      className="select-box"
      aria-label={label}
      checked={rows.every((row) => selection.has(row))}
      onChange={(event) => selection.set(rows, event.target.checked)}
    />
  )
}

function UserName({ user }: { user: HubUser }) {
  return (
    <span className="row">
      <Link to={paths.admin.user(user.name)}>{user.name}</Link>
      {user.admin && <Badge tone="accent">Admin</Badge>}
    </span>
  )
}

function RunningServers({ user }: { user: HubUser }) {
  const active = Object.values(user.servers ?? {}).filter((server) => !server.stopped)
  if (active.length === 0) return null
  return (
    <span className="row">
      {active.map((server) => (
        <ServerBadge key={server.name} server={server} />
      ))}
    </span>
  )
}

function ServerBadge({ server }: { server: HubServer }) {
  const name = server.name || 'default'
  if (server.pending) {
    return (
      <Badge tone="accent" dot="pulsing">
        {name} {server.pending === 'spawn' ? 'starting' : 'stopping'}
      </Badge>
    )
  }
  return (
    <Badge tone="good" dot="still">
      {name}
    </Badge>
  )
}

function LastActivity({ at }: { at: string | null | undefined }) {
  return at ? <RelativeTime atMs={Date.parse(at)} /> : <span className="muted">Never</span>
}
