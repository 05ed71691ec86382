import { useDeleteUser } from '#api/users.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { useToast } from '#ui/toast.tsx'

interface DeleteUserDialogProps {
  user: string
  onClose: () => void
  onDeleted: () => void
}

/** Deletes a user for good. */
export function DeleteUserDialog({ user, onClose, onDeleted }: DeleteUserDialogProps) {
  const remove = useDeleteUser()
  const toast = useToast()
  const done = () => {
    toast.done(`${user} is deleted.`)
    onClose()
    onDeleted()
  }
  return (
    <ConfirmDialog
      title={`Delete ${user}?`}
      confirmLabel="Delete the user"
      danger
      busy={remove.isPending}
      error={remove.error?.message}
      onConfirm={() => remove.mutate(user, { onSuccess: done })}
      onClose={onClose}
    >
      <p>Running servers are stopped; tokens, sessions and shares end. This cannot be undone.</p>
      <p>The home folder stays on the disk.</p>
    </ConfirmDialog>
  )
}
