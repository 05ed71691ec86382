import { useEditUser } from '#api/users.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { TextField, textOf } from '#ui/field.tsx'
import { useToast } from '#ui/toast.tsx'

interface RenameUserDialogProps {
  user: string
  onClose: () => void
  onRenamed: (name: string) => void
}

/** A new name for a user. */
export function RenameUserDialog({ user, onClose, onRenamed }: RenameUserDialogProps) {
  const edit = useEditUser(user)
  const toast = useToast()
  const submit = (data: FormData) => {
    const name = textOf(data, 'name')
    const done = () => {
      toast.done(`${user} is ${name} now.`)
      onClose()
      onRenamed(name)
    }
    edit.mutate({ name }, { onSuccess: done })
  }
  return (
    <Dialog title={`Rename ${user}`} onClose={onClose} size="s">
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Rename"
        busy={edit.isPending}
        error={edit.error?.message}
      >
        <TextField
          label="New username"
          name="name"
          defaultValue={user}
          autoComplete="off"
          autoCapitalize="none"
          hint="Servers must be stopped first, since the name is part of their address."
          required
        />
      </DialogForm>
    </Dialog>
  )
}
