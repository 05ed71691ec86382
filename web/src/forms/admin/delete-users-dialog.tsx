import { useDeleteUsers } from '#api/users.ts'
import { formatCount } from '#ui/amounts.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { useToast } from '#ui/toast.tsx'

interface DeleteUsersDialogProps {
  users: readonly string[]
  onClose: () => void
  onDeleted: () => void
}

/** Deletes one user or many for good. */
export function DeleteUsersDialog({ users, onClose, onDeleted }: DeleteUsersDialogProps) {
  const remove = useDeleteUsers()
  const toast = useToast()
  const [only] = users
  const isOne = users.length === 1
  const done = () => {
    toast.done(isOne ? `${only} is deleted.` : `${formatCount(users.length, 'user')} deleted.`)
    onClose()
    onDeleted()
  }
  return (
    <ConfirmDialog
      title={isOne ? `Delete ${only}?` : `Delete ${formatCount(users.length, 'user')}?`}
      confirmLabel={isOne ? 'Delete the user' : `Delete ${formatCount(users.length, 'user')}`}
      danger
      busy={remove.isPending}
      error={remove.error?.message}
      onConfirm={() => remove.mutate(users, { onSuccess: done })}
      onClose={onClose}
    >
      {!isOne && <p>{users.join(', ')}.</p>}
      <p>Running servers are stopped; tokens, sessions and shares end. This cannot be undone.</p>
      <p>{isOne ? 'The home folder stays' : 'Their home folders stay'} on the disk.</p>
    </ConfirmDialog>
  )
}
