import type { RoleView } from '@atrium/contract/roles-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useParams } from 'react-router'

import { rolesQuery, useUnassignRole } from '#api/access.ts'
import { messageOf } from '#api/http.ts'
import { AssignRoleDialog } from '#forms/admin/assign-role-dialog.tsx'
import { mayUseForAll } from '#page-data.ts'
import { ScopeDescriptions } from '#pages/oauth/scope-descriptions.tsx'
import { paths } from '#paths.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { useToast } from '#ui/toast.tsx'

/** What a role allows, and who has it. */
export function RolePage() {
  const { role: name = '' } = useParams()
  const { data, error } = useQuery(rolesQuery)
  const [isAssigning, setAssigning] = useState(false)
  const role = data?.roles.find((each) => each.name === name)
  return (
    <>
      <PageHeader
        title={name}
        {...(role && { description: role.description })}
        back={<Link to={paths.admin.roles()}>Roles</Link>}
        actions={
          role?.assignable &&
          mayUseForAll('admin:roles') && (
            <Button variant="primary" icon="plus" onClick={() => setAssigning(true)}>
              Give to…
            </Button>
          )
        }
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {!data && !error && <Skeleton lines={5} />}
      {data && !role && <Notice tone="warn">There is no role of this name.</Notice>}
      {role && (
        <>
          <Card title="Held by" flush>
            <HolderTable role={role} />
          </Card>
          <Card title="What it allows">
            <ScopeDescriptions scopes={role.effects} />
          </Card>
        </>
      )}
      {isAssigning && <AssignRoleDialog role={name} onClose={() => setAssigning(false)} />}
    </>
  )
}

/** Who has JupyterHub's own roles, which are not given by name. */
const emptyWords: Record<string, string> = {
  user: 'Every user has this role.',
  admin: 'Administrators have this role. Make somebody one on the page of the user.',
  server: 'Every server has this role, for the token it starts with.',
  token: 'Tokens have this role unless they ask for less.',
}

function HolderTable({ role }: { role: RoleView }) {
  const unassign = useUnassignRole()
  const toast = useToast()
  return (
    <Table
      label="Held by"
      rows={role.holders}
      rowKey={(holder) => `${holder.kind}:${holder.name}`}
      empty={
        <EmptyState icon="shield" title="Nobody by name">
          {emptyWords[role.name] ?? 'Give it to a user, a group or a service.'}
        </EmptyState>
      }
      columns={[
        { label: 'Name', cell: (holder) => holder.name },
        { label: 'Kind', cell: (holder) => holder.kind },
        {
          label: '',
          srLabel: 'Actions',
          align: 'end',
          cell: ({ kind, name, managed }) =>
            managed ? (
              <span className="muted">By configuration</span>
            ) : (
              mayUseForAll('admin:roles') && (
                <Button
                  size="s"
                  aria-label={`Take away from ${name}`}
                  onClick={() =>
                    unassign.mutate(
                      { role: role.name, kind, name },
                      { onError: (error) => toast.failed(error.message) },
                    )
                  }
                >
                  Take away
                </Button>
              )
            ),
        },
      ]}
    />
  )
}
