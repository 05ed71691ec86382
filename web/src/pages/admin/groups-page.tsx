import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'

import { groupsQuery } from '#api/groups.ts'
import { messageOf } from '#api/http.ts'
import { CreateGroupDialog } from '#forms/admin/create-group-dialog.tsx'
import { mayUseForAll } from '#page-data.ts'
import { paths } from '#paths.ts'
import { formatCount } from '#ui/amounts.ts'
import { Button } from '#ui/button.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'

/** All groups. */
export function GroupsPage() {
  const { data: groups, error } = useQuery(groupsQuery)
  const [isCreating, setCreating] = useState(false)
  const create = mayUseForAll('admin:groups') && (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      New group
    </Button>
  )
  return (
    <>
      <PageHeader
        title="Groups"
        description="A group gives its members roles, quotas and servers shared with it."
        actions={create}
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Groups">
        {groups ? (
          <Table
            label="Groups"
            rows={groups}
            rowKey={(group) => group.name}
            empty={
              <EmptyState icon="group" title="No groups yet" actions={create}>
                Make one to give many people the same rights.
              </EmptyState>
            }
            columns={[
              { label: 'Name', cell: ({ name }) => <Link to={paths.admin.group(name)}>{name}</Link> },
              { label: 'Members', cell: ({ users = [] }) => formatCount(users.length, 'member') },
              { label: 'Roles', cell: ({ roles = [] }) => roles.join(', ') },
            ]}
          />
        ) : (
          !error && <Skeleton lines={4} />
        )}
      </section>
      {isCreating && <CreateGroupDialog onClose={() => setCreating(false)} />}
    </>
  )
}
