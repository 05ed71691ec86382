import type { HubUser } from '@atrium/contract/hub-models.ts'
import { useState } from 'react'

import { listActiveServers } from '#api/users.ts'
import { AddToGroupDialog } from '#forms/admin/add-to-group-dialog.tsx'
import { DeleteUsersDialog } from '#forms/admin/delete-users-dialog.tsx'
import { StopServersDialog } from '#forms/admin/stop-servers-dialog.tsx'
import { mayUseForAll, signedInUser } from '#page-data.ts'
import { formatCount } from '#ui/amounts.ts'
import { Button } from '#ui/button.tsx'
import { SelectionBar } from '#ui/selection-bar.tsx'

interface SelectedUsersProps {
  users: readonly HubUser[]
  onClear: () => void
}

/** What can be done with many users at once; nothing while none is selected. */
export function SelectedUsers({ users, onClear }: SelectedUsersProps) {
  const [dialog, setDialog] = useState<'group' | 'stop' | 'delete'>()
  const close = () => setDialog(undefined)
  const done = () => {
    close()
    onClear()
  }
  const names = users.map((user) => user.name)
  const others = names.filter((name) => name !== signedInUser().name)
  return (
    <>
      <SelectionBar
        label="Selected users"
        text={users.length > 0 ? `${formatCount(users.length, 'user')} selected` : undefined}
        onClear={onClear}
      >
        {mayUseForAll('groups') && (
          <Button size="s" icon="group" onClick={() => setDialog('group')}>
            Add to group…
          </Button>
        )}
        {mayUseForAll('delete:servers') && (
          <Button
            size="s"
            icon="stop"
            disabled={users.every((user) => listActiveServers(user).length === 0)}
            onClick={() => setDialog('stop')}
          >
            Stop servers…
          </Button>
        )}
        {mayUseForAll('admin:users') && (
          <Button size="s" icon="trash" disabled={others.length === 0} onClick={() => setDialog('delete')}>
            Delete…
          </Button>
        )}
      </SelectionBar>
      {dialog === 'group' && <AddToGroupDialog users={names} onClose={close} onAdded={done} />}
      {dialog === 'stop' && <StopServersDialog users={users} onClose={close} onStopped={done} />}
      {dialog === 'delete' && <DeleteUsersDialog users={others} onClose={close} onDeleted={done} />}
    </>
  )
}
