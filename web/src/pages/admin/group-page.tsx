import type { HubGroup } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'

import { groupQuery, useDeleteGroup, useRemoveMembers } from '#api/groups.ts'
import { messageOf } from '#api/http.ts'
import { AddMembersDialog } from '#forms/admin/add-members-dialog.tsx'
import { mayUse, mayUseForAll } from '#page-data.ts'
import { UsageCard } from '#pages/usage/usage-card.tsx'
import { paths } from '#paths.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { useToast } from '#ui/toast.tsx'

type OpenDialog = 'add' | 'delete' | undefined

/** A group's members and roles. */
export function GroupPage() {
  const { group: name = '' } = useParams()
  const { data: group, error } = useQuery(groupQuery(name))
  const [dialog, setDialog] = useState<OpenDialog>()
  const close = () => setDialog(undefined)
  return (
    <>
      <PageHeader
        title={name}
        back={<Link to={paths.admin.groups()}>Groups</Link>}
        actions={
          <>
            {mayUse('groups') && (
              <Button variant="primary" icon="plus" onClick={() => setDialog('add')}>
                Add members
              </Button>
            )}
            {mayUseForAll('delete:groups') && (
              <Button icon="trash" onClick={() => setDialog('delete')}>
                Delete
              </Button>
            )}
          </>
        }
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {group ? <GroupDetails group={group} /> : !error && <Skeleton lines={5} />}
      {dialog === 'add' && <AddMembersDialog group={name} onClose={close} />}
      {dialog === 'delete' && <DeleteGroupDialog group={name} onClose={close} />}
    </>
  )
}

function GroupDetails({ group }: { group: HubGroup }) {
  const remove = useRemoveMembers()
  const toast = useToast()
  return (
    <>
      <Card title="Members" flush>
        <Table
          label="Members"
          rows={group.users ?? []}
          rowKey={(user) => user}
          empty={
            <EmptyState icon="users" title="No members yet">
              Add members; they get the group's roles at once.
            </EmptyState>
          }
          columns={[
            { label: 'Name', cell: (user) => <Link to={paths.admin.user(user)}>{user}</Link> },
            {
              label: '',
              srLabel: 'Actions',
              align: 'end',
              cell: (user) => (
                <Button
                  size="s"
                  aria-label={`Remove ${user}`}
                  onClick={() =>
                    remove.mutate(
                      { group: group.name, users: [user] },
                      { onError: (error) => toast.failed(error.message) },
                    )
                  }
                >
                  Remove
                </Button>
              ),
            },
          ]}
        />
      </Card>
      {mayUse('read:usage') && <UsageCard of={{ group: group.name }} />}
      <Card title="Roles" description="Given to every member. Change them on the page of the role.">
        <div className="row">
          {group.roles?.map((role) => (
            <Link key={role} to={paths.admin.role(role)}>
              {role}
            </Link>
          ))}
          {!group.roles?.length && <span className="muted">None</span>}
        </div>
      </Card>
    </>
  )
}

function DeleteGroupDialog({ group, onClose }: { group: string; onClose: () => void }) {
  const remove = useDeleteGroup()
  const navigate = useNavigate()
  const toast = useToast()
  const done = () => {
    toast.done(`${group} is deleted.`)
    void navigate(paths.admin.groups(), { replace: true })
  }
  return (
    <ConfirmDialog
      title={`Delete ${group}?`}
      confirmLabel="Delete the group"
      danger
      busy={remove.isPending}
      error={remove.error?.message}
      onConfirm={() => remove.mutate(group, { onSuccess: done })}
      onClose={onClose}
    >
      <p>Its members stay, but lose the roles, quotas and shares that came with the group.</p>
    </ConfirmDialog>
  )
}
