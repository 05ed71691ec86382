import type { HubCreatedToken } from '@atrium/contract/hub-models.ts'
import { useState } from 'react'

import { useCreateToken } from '#api/tokens.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { Checkbox, FieldGroup, SelectField, TextArea, TextField, textOf } from '#ui/field.tsx'

interface CreateTokenDialogProps {
  user: string
  onClose: () => void
  onCreated: (token: HubCreatedToken) => void
}

const hourS = 3600
const lifetimes = [
  { value: String(hourS), label: 'An hour' },
  { value: String(24 * hourS), label: 'A day' },
  { value: String(7 * 24 * hourS), label: 'A week' },
  { value: String(30 * 24 * hourS), label: '30 days' },
  { value: String(365 * 24 * hourS), label: 'A year' },
  { value: '', label: 'Never' },
]

/** What tokens are most often for. A scope's filter `!user` is filled in with its owner by the server. */
const commonScopes = [
  { scope: 'access:servers!user', label: 'Open your servers' },
  { scope: 'servers!user', label: 'Start and stop your servers' },
  { scope: 'read:users!user', label: 'Read your account' },
  { scope: 'read:servers!user', label: 'Read the state of your servers' },
  { scope: 'tokens!user', label: 'Manage your tokens' },
]

/** Note, lifetime, and what the token may do. */
export function CreateTokenDialog({ user, onClose, onCreated }: CreateTokenDialogProps) {
  const create = useCreateToken(user)
  const [isLimited, setLimited] = useState(false)
  const [scopeError, setScopeError] = useState<string>()
  const submit = (data: FormData) => {
    const scopes = isLimited ? readScopes(data) : undefined
    setScopeError(scopes?.length === 0 ? 'Choose at least one permission.' : undefined)
    if (scopes?.length === 0) return
    const lifetimeS = Number(data.get('lifetime'))
    create.mutate(
      { note: textOf(data, 'note'), ...(lifetimeS && { expires_in: lifetimeS }), ...(scopes && { scopes }) },
      { onSuccess: onCreated },
    )
  }
  return (
    <Dialog title="New token" onClose={onClose}>
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Make the token"
        busy={create.isPending}
        error={scopeError ?? create.error?.message}
      >
        <TextField
          label="Note"
          name="note"
          hint="What it is for, so that you know later what breaks when you revoke it."
          autoComplete="off"
          maxLength={255}
          required
        />
        <SelectField
          label="Expires after"
          name="lifetime"
          options={lifetimes}
          defaultValue={lifetimes[3]?.value}
        />
        <Checkbox
          label="Limit what it may do"
          hint="Otherwise it may do everything you may do."
          checked={isLimited}
          onChange={(event) => setLimited(event.target.checked)}
        />
        {isLimited && (
          <>
            <FieldGroup legend="Permissions">
              {commonScopes.map(({ scope, label }) => (
                <Checkbox key={scope} name="scope" value={scope} label={label} hint={<code>{scope}</code>} />
              ))}
            </FieldGroup>
            <TextArea
              label="Other scopes"
              name="scopes"
              optional
              hint="Separated by spaces or lines, for instance read:servers!server=alice/lab."
            />
          </>
        )}
      </DialogForm>
    </Dialog>
  )
}

function readScopes(data: FormData): string[] {
  const written = textOf(data, 'scopes').split(/\s+/).filter(Boolean)
  return [...new Set([...data.getAll('scope').map(String), ...written])]
}
