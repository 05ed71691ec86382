import type { RoleHolderParams } from '@atrium/contract/roles-api.ts'

import { useAssignRole } from '#api/access.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { SelectField, TextField, textOf } from '#ui/field.tsx'

interface AssignRoleDialogProps {
  role: string
  onClose: () => void
}

const kinds = [
  { value: 'user', label: 'User' },
  { value: 'group', label: 'Group' },
  { value: 'service', label: 'Service' },
]

/** Gives a role to somebody. */
export function AssignRoleDialog({ role, onClose }: AssignRoleDialogProps) {
  const assign = useAssignRole()
  const submit = (data: FormData) => {
    const kind = String(data.get('kind')) as RoleHolderParams['kind']
    assign.mutate({ role, kind, name: textOf(data, 'name') }, { onSuccess: onClose })
  }
  return (
    <Dialog title={`Give the role ${role}`} onClose={onClose} size="s">
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Give"
        busy={assign.isPending}
        error={assign.error?.message}
      >
        <SelectField label="To a" name="kind" options={kinds} />
        <TextField label="Name" name="name" autoComplete="off" autoCapitalize="none" required />
      </DialogForm>
    </Dialog>
  )
}
