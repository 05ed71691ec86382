import { useAddMembers } from '#api/groups.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { TextArea, textOf } from '#ui/field.tsx'

interface AddMembersDialogProps {
  group: string
  onClose: () => void
}

/** Puts users into a group, by name. */
export function AddMembersDialog({ group, onClose }: AddMembersDialogProps) {
  const add = useAddMembers()
  const submit = (data: FormData) => {
    const users = textOf(data, 'names')
      .split(/[\s,;]+/)
      .filter(Boolean)
    add.mutate({ group, users }, { onSuccess: onClose })
  }
  return (
    <Dialog title={`Add members to ${group}`} onClose={onClose} size="s">
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Add"
        busy={add.isPending}
        error={add.error?.message}
      >
        <TextArea
          label="Usernames"
          name="names"
          hint="One a line, or separated by commas or spaces."
          autoCapitalize="none"
          required
        />
      </DialogForm>
    </Dialog>
  )
}
