import { minPasswordLength } from '@atrium/contract/account.ts'
import { type FormEvent, useState } from 'react'

import { useChangePassword } from '#api/account.ts'
import { messageOf } from '#api/http.ts'
import { signedInUser } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { TextField } from '#ui/field.tsx'
import { Notice } from '#ui/notice.tsx'
import { useToast } from '#ui/toast.tsx'
import './change-password-form.css'

/** Old password, new password, new password again. */
export function ChangePasswordForm() {
  const change = useChangePassword()
  const toast = useToast()
  const [mismatch, setMismatch] = useState<string>()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const data = new FormData(form)
    const [current, wanted, again] = ['current', 'new', 'again'].map((name) => String(data.get(name)))
    setMismatch(wanted === again ? undefined : 'The two new passwords differ.')
    if (wanted !== again || !wanted) return
    const done = () => {
      form.reset()
      toast.done('Your password is changed.')
    }
    change.mutate({ newPassword: wanted, ...(current && { currentPassword: current }) }, { onSuccess: done })
  }
  return (
    <form className="stack password-form" onSubmit={submit}>
      {change.error && (
        <Notice tone="bad" assertive>
          {messageOf(change.error)}
        </Notice>
      )}
      <input type="text" autoComplete="username" value={signedInUser().name} readOnly hidden />
      <TextField
        label="Current password"
        name="current"
        type="password"
        autoComplete="current-password"
        hint="Leave it empty if you never set one."
      />
      <TextField
        label="New password"
        name="new"
        type="password"
        autoComplete="new-password"
        minLength={minPasswordLength}
        hint={`At least ${minPasswordLength} characters.`}
        required
      />
      <TextField
        label="New password again"
        name="again"
        type="password"
        autoComplete="new-password"
        error={mismatch}
        required
      />
      <div>
        <Button type="submit" variant="primary" busy={change.isPending}>
          Change the password
        </Button>
      </div>
    </form>
  )
}
