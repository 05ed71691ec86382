import type { HubUser } from '@atrium/contract/hub-models.ts'

import { useStopServers } from '#api/servers.ts'
import { listActiveServers } from '#api/users.ts'
import { formatCount } from '#ui/amounts.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { useToast } from '#ui/toast.tsx'

interface StopServersDialogProps {
  users: readonly HubUser[]
  onClose: () => void
  onStopped: () => void
}

/** Stops everything that one user or many run. */
export function StopServersDialog({ users, onClose, onStopped }: StopServersDialogProps) {
  const stop = useStopServers()
  const toast = useToast()
  const active = users.flatMap(listActiveServers)
  const whose = users.length === 1 ? users[0]?.name : formatCount(users.length, 'user')
  const done = () => {
    toast.done(`The servers of ${whose} stop.`)
    onStopped()
  }
  return (
    <ConfirmDialog
      title={`Stop the servers of ${whose}?`}
      confirmLabel={`Stop ${formatCount(active.length, 'server')}`}
      danger
      busy={stop.isPending}
      error={stop.error?.message}
      onConfirm={() => stop.mutate(active, { onSuccess: done })}
      onClose={onClose}
    >
      <p>
        {active
          .map(({ user, name }) => (users.length === 1 ? name || 'Default server' : `${user}/${name}`))
          .join(', ')}
        .
      </p>
      <p>Running kernels and terminals end, and what they hold in memory is lost. Files are kept.</p>
    </ConfirmDialog>
  )
}
