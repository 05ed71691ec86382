import type { HubUser } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { useSearchParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { type UserListQuery, userListQuery } from '#api/users.ts'
import { CreateUsersDialog } from '#forms/admin/create-users-dialog.tsx'
import { InviteDialog } from '#forms/admin/invite-dialog.tsx'
import { mayUseForAll } from '#page-data.ts'
import { AllAtOnce } from '#pages/layout/all-at-once.tsx'
import { Button } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Pager } from '#ui/pager.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { InvitationList } from './invitation-list.tsx'
import { SelectedUsers } from './selected-users.tsx'
import { useSelection } from './use-selection.ts'
import { UserFilters } from './user-filters.tsx'
import { UserTable } from './user-table.tsx'

const pageSize = 50

const nameOf = (user: HubUser) => user.name

/** All users: search, paging, selecting many, making and inviting new ones. The filters stand in the URL. */
export function UsersPage() {
  const [dialog, setDialog] = useState<'create' | 'invite'>()
  const [query, change] = useUserListQuery()
  const users = useQuery(userListQuery(query))
  const selection = useSelection(nameOf)
  return (
    <>
      <PageHeader
        title="Users"
        actions={
          mayUseForAll('admin:users') && (
            <>
              <Button icon="mail" onClick={() => setDialog('invite')}>
                Invite
              </Button>
              <Button variant="primary" icon="plus" onClick={() => setDialog('create')}>
                Add users
              </Button>
            </>
          )
        }
      />
      <UserFilters query={query} onChange={change} />
      {users.error && (
        <Notice tone="bad" title="Users cannot be shown">
          {messageOf(users.error)}
        </Notice>
      )}
      <AllAtOnce>
        <section className="card" aria-label="Users" aria-busy={users.isPlaceholderData}>
          {users.data ? (
            <>
              <UserTable
                users={users.data.items}
                isFiltered={query.search !== '' || query.state !== 'all'}
                selection={selection}
              />
              <Pager
                offset={query.offset}
                limit={pageSize}
                total={users.data._pagination.total}
                onMove={(offset) => {
                  change({ offset })
                  window.scrollTo(0, 0)
                }}
              />
            </>
          ) : (
            !users.error && <Skeleton lines={8} label="Loading users" />
          )}
        </section>
        <SelectedUsers users={selection.rows} onClear={selection.clear} />
        {mayUseForAll('admin:users') && <InvitationList />}
      </AllAtOnce>
      {dialog === 'create' && <CreateUsersDialog onClose={() => setDialog(undefined)} />}
      {dialog === 'invite' && <InviteDialog onClose={() => setDialog(undefined)} />}
    </>
  )
}

function useUserListQuery(): [UserListQuery, (change: Partial<UserListQuery>) => void] {
  const [search, setSearch] = useSearchParams()
  const query: UserListQuery = {
    search: search.get('name_filter') ?? '',
    state: search.get('state') === 'active' ? 'active' : 'all',
    sort: search.get('sort') === '-last_activity' ? '-last_activity' : 'name',
    offset: Number(search.get('offset')) || 0,
    limit: pageSize,
  }
  const change = useCallback(
    (changed: Partial<UserListQuery>) => {
      setSearch((current) => applyChange(current, changed), { replace: true })
    },
    [setSearch],
  )
  return [query, change]
}

/** A changed filter begins at the first page again. */
function applyChange(current: URLSearchParams, { search, state, sort, offset }: Partial<UserListQuery>) {
  const next = new URLSearchParams(current)
  const put = (name: string, value: string) => (value ? next.set(name, value) : next.delete(name))
  if (search !== undefined) put('name_filter', search)
  if (state !== undefined) put('state', state === 'all' ? '' : state)
  if (sort !== undefined) put('sort', sort === 'name' ? '' : sort)
  put('offset', offset ? String(offset) : '')
  return next
}
