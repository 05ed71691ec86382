import { useNavigate } from 'react-router'

import { useCreateGroup } from '#api/groups.ts'
import { paths } from '#paths.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { TextField, textOf } from '#ui/field.tsx'

/** Names a new group and leads to its page. */
export function CreateGroupDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateGroup()
  const navigate = useNavigate()
  const submit = (data: FormData) => {
    const name = textOf(data, 'name')
    create.mutate(name, { onSuccess: () => void navigate(paths.admin.group(name)) })
  }
  return (
    <Dialog title="New group" onClose={onClose} size="s">
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Make the group"
        busy={create.isPending}
        error={create.error?.message}
      >
        <TextField label="Name" name="name" autoComplete="off" maxLength={255} required />
      </DialogForm>
    </Dialog>
  )
}
