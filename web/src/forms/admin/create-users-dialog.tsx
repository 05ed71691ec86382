import { useCreateUsers } from '#api/users.ts'
import { formatCount } from '#ui/amounts.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { Checkbox, TextArea, textOf } from '#ui/field.tsx'
import { useToast } from '#ui/toast.tsx'

/** Many users at once, by name. */
export function CreateUsersDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateUsers()
  const toast = useToast()
  const submit = (data: FormData) => {
    const usernames = textOf(data, 'names')
      .split(/[\s,;]+/)
      .filter(Boolean)
    const done = (users: readonly unknown[]) => {
      toast.done(`${formatCount(users.length, 'user')} added.`)
      onClose()
    }
    create.mutate({ usernames, admin: data.has('admin') }, { onSuccess: done })
  }
  return (
    <Dialog title="Add users" onClose={onClose}>
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Add"
        busy={create.isPending}
        error={create.error?.message}
      >
        <TextArea
          label="Usernames"
          name="names"
          rows={6}
          hint="One a line, or separated by commas or spaces. They have no password yet: give each a one-time link, or invite them instead."
          autoCapitalize="none"
          required
        />
        <Checkbox label="Administrators" name="admin" hint="They may do everything." />
      </DialogForm>
    </Dialog>
  )
}
