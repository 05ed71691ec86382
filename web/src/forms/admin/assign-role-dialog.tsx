import type { RoleHolderParams } from '@atrium/contract/roles-api.ts'

import { useState } from 'react'

import { useAssignRole } from '#api/access.ts'
import { NameField } from '#forms/name-field.tsx'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { SelectField, textOf } from '#ui/field.tsx'

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
  const [kind, setKind] = useState<RoleHolderParams['kind']>('user')
  const submit = (data: FormData) => {
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
        <SelectField
          label="To a"
          value={kind}
          options={kinds}
          onChange={(event) => setKind(event.target.value as RoleHolderParams['kind'])}
        />
        <NameField key={kind} kind={kind} />
      </DialogForm>
    </Dialog>
  )
}
