import type { HubUser } from '@atrium/contract/hub-models.ts'
import { useState } from 'react'
import { useNavigate } from 'react-router'

import { useStartServer } from '#api/servers.ts'
import { listActiveServers } from '#api/users.ts'
import { DeleteUsersDialog } from '#forms/admin/delete-users-dialog.tsx'
import { RenameUserDialog } from '#forms/admin/rename-user-dialog.tsx'
import { StopServersDialog } from '#forms/admin/stop-servers-dialog.tsx'
import { UserLinkDialog } from '#forms/admin/user-link-dialog.tsx'
import { mayUseForAll, signedInUser } from '#page-data.ts'
import { outside, paths } from '#paths.ts'
import { Menu, type MenuItem } from '#ui/menu.tsx'
import { useToast } from '#ui/toast.tsx'

import { useToggleAdmin } from './use-toggle-admin.ts'

interface UserMenuProps {
  user: HubUser
  /** After a rename or deletion, where the page of the old name is gone. */
  onGone?: (newName?: string) => void
}

type OpenDialog = 'link' | 'rename' | 'delete' | 'stop' | undefined

/** What an administrator can do with a user. */
export function UserMenu({ user, onGone }: UserMenuProps) {
  const [dialog, setDialog] = useState<OpenDialog>()
  const close = () => setDialog(undefined)
  const items = [...useServerItems(user, setDialog), ...useAccountItems(user, setDialog)]
  return (
    <>
      <Menu label={`Actions for ${user.name}`} items={items} />
      {dialog === 'link' && <UserLinkDialog user={user.name} onClose={close} />}
      {dialog === 'rename' && (
        <RenameUserDialog user={user.name} onClose={close} onRenamed={(name) => onGone?.(name)} />
      )}
      {dialog === 'delete' && (
        <DeleteUsersDialog users={[user.name]} onClose={close} onDeleted={() => onGone?.()} />
      )}
      {dialog === 'stop' && <StopServersDialog users={[user]} onClose={close} onStopped={close} />}
    </>
  )
}

function useServerItems(user: HubUser, open: (dialog: OpenDialog) => void): MenuItem[] {
  const start = useStartServer()
  const toast = useToast()
  const standard = user.servers?.['']
  const items: MenuItem[] = []
  if (mayUseForAll('access:servers') && standard?.ready) {
    items.push({
      label: 'Open server',
      icon: 'external',
      onSelect: () => location.assign(outside.server(user.name)),
    })
  }
  if (mayUseForAll('start:servers') && !standard?.ready && !standard?.pending) {
    items.push({
      label: 'Start server',
      icon: 'play',
      onSelect: () =>
        start.mutate(
          { user: user.name, name: '' },
          {
            onSuccess: () => toast.done(`The server of ${user.name} starts.`),
            onError: (error) => toast.failed(error.message),
          },
        ),
    })
  }
  if (mayUseForAll('delete:servers') && listActiveServers(user).length > 0) {
    items.push({ label: 'Stop servers…', icon: 'stop', onSelect: () => open('stop') })
  }
  return items
}

function useAccountItems(user: HubUser, open: (dialog: OpenDialog) => void): MenuItem[] {
  const navigate = useNavigate()
  const toggleAdmin = useToggleAdmin(user)
  const isSelf = user.name === signedInUser().name
  if (!mayUseForAll('admin:users')) return []
  return [
    { label: 'Details', icon: 'user', onSelect: () => void navigate(paths.admin.user(user.name)) },
    { label: 'One-time link…', icon: 'link', onSelect: () => open('link') },
    {
      label: user.admin ? 'Take admin rights' : 'Make admin',
      icon: 'shield',
      disabled: isSelf,
      onSelect: toggleAdmin,
    },
    { label: 'Rename…', icon: 'edit', onSelect: () => open('rename') },
    { label: 'Delete…', icon: 'trash', danger: true, disabled: isSelf, onSelect: () => open('delete') },
  ]
}
