import { useAddMembers } from '#api/groups.ts'
import { NameField } from '#forms/name-field.tsx'
import { formatCount } from '#ui/amounts.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { textOf } from '#ui/field.tsx'
import { useToast } from '#ui/toast.tsx'

interface AddToGroupDialogProps {
  users: readonly string[]
  onClose: () => void
  onAdded: () => void
}

/** Puts many users into a group that there is. */
export function AddToGroupDialog({ users, onClose, onAdded }: AddToGroupDialogProps) {
  const add = useAddMembers()
  const toast = useToast()
  const submit = (data: FormData) => {
    const group = textOf(data, 'name')
    const done = () => {
      toast.done(`${formatCount(users.length, 'user')} added to ${group}.`)
      onAdded()
    }
    add.mutate({ group, users }, { onSuccess: done })
  }
  return (
    <Dialog title={`Add ${formatCount(users.length, 'user')} to a group`} onClose={onClose} size="s">
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Add"
        busy={add.isPending}
        error={add.error?.message}
      >
        <NameField kind="group" label="Group" />
      </DialogForm>
    </Dialog>
  )
}
