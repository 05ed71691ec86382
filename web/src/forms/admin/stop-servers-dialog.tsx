import type { HubUser } from '@atrium/contract/hub-models.ts'

import { useStopServer } from '#api/servers.ts'
import { formatCount } from '#ui/amounts.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { useToast } from '#ui/toast.tsx'

interface StopServersDialogProps {
  user: HubUser
  onClose: () => void
}

/** Stops everything a user runs. */
export function StopServersDialog({ user, onClose }: StopServersDialogProps) {
  const stop = useStopServer()
  const toast = useToast()
  const active = Object.values(user.servers ?? {}).filter((server) => !server.stopped)
  const stopAll = async () => {
    await Promise.all(active.map(({ name }) => stop.mutateAsync({ user: user.name, name })))
    toast.done(`The servers of ${user.name} stop.`)
    onClose()
  }
  return (
    <ConfirmDialog
      title={`Stop the servers of ${user.name}?`}
      confirmLabel={`Stop ${formatCount(active.length, 'server')}`}
      danger
      busy={stop.isPending}
      error={stop.error?.message}
      onConfirm={() => void stopAll().catch(() => undefined)}
      onClose={onClose}
    >
      <p>{active.map((server) => server.name || 'Default server').join(', ')}.</p>
      <p>Running kernels and terminals end, and what they hold in memory is lost. Files are kept.</p>
    </ConfirmDialog>
  )
}
