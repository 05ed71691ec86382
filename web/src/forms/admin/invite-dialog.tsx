import { useQuery } from '@tanstack/react-query'

import { useInvite } from '#api/account.ts'
import { groupsQuery } from '#api/groups.ts'
import { mayUse } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { CopyField } from '#ui/copy-field.tsx'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { Checkbox, FieldGroup, SelectField, TextField, textOf } from '#ui/field.tsx'
import { RelativeTime } from '#ui/time.tsx'

const dayMs = 86_400_000

/** Makes a link by which somebody new makes an account. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const invite = useInvite()
  const { data: groups = [] } = useQuery({ ...groupsQuery, enabled: mayUse('groups') })
  const submit = (data: FormData) => {
    const username = textOf(data, 'username')
    invite.mutate({
      ...(username && { username }),
      groups: data.getAll('group').map(String),
      admin: data.has('admin'),
      expiresInMs: Number(data.get('days')) * dayMs,
    })
  }
  if (invite.data) {
    return (
      <Dialog title="Invitation" onClose={onClose}>
        <div className="dialog-body stack">
          <CopyField label="Send this link; it is not shown again" value={invite.data.url} />
          <p className="muted">
            It works once, and expires <RelativeTime atMs={invite.data.expiresAtMs} />.
          </p>
        </div>
        <div className="dialog-foot">
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog title="Invite somebody" onClose={onClose}>
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Make the link"
        busy={invite.isPending}
        error={invite.error?.message}
      >
        <TextField
          label="Username"
          name="username"
          optional
          hint="Empty: they choose it themselves."
          autoComplete="off"
          autoCapitalize="none"
        />
        {groups.length > 0 && (
          <FieldGroup legend="Groups">
            {groups.map((group) => (
              <Checkbox key={group.name} name="group" value={group.name} label={group.name} />
            ))}
          </FieldGroup>
        )}
        <Checkbox label="Administrator" name="admin" hint="May do everything." />
        <SelectField
          label="The link works for"
          name="days"
          defaultValue="7"
          options={[
            { value: '1', label: 'A day' },
            { value: '7', label: 'A week' },
            { value: '30', label: '30 days' },
          ]}
        />
      </DialogForm>
    </Dialog>
  )
}
