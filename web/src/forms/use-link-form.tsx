import { minPasswordLength } from '@atrium/contract/account.ts'
import type { FormEvent } from 'react'

import { useOneTimeLink } from '#api/account.ts'
import { messageOf } from '#api/http.ts'
import { Button } from '#ui/button.tsx'
import { TextField, textOf } from '#ui/field.tsx'
import { Notice } from '#ui/notice.tsx'

interface UseLinkFormProps {
  secret: string
  /** The account's name, for password managers. */
  username: string | undefined
  asksName?: boolean
  password: 'required' | 'optional'
  submitLabel: string
}

/** Uses a one-time link up, with a name and password as the link wants. */
export function UseLinkForm({ secret, username, asksName = false, password, submitLabel }: UseLinkFormProps) {
  const link = useOneTimeLink()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const chosen = String(data.get('password') ?? '')
    link.mutate(
      {
        secret,
        ...(asksName && { username: textOf(data, 'username') }),
        ...(chosen && { password: chosen }),
      },
      { onSuccess: ({ redirect }) => location.assign(redirect) },
    )
  }
  return (
    <form onSubmit={submit}>
      {link.error && (
        <Notice tone="bad" assertive>
          {messageOf(link.error)}
        </Notice>
      )}
      {asksName ? (
        <TextField
          label="Username"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          hint="Lower-case letters and digits are safest."
          required
        />
      ) : (
        <input type="text" name="account" autoComplete="username" value={username ?? ''} readOnly hidden />
      )}
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={minPasswordLength}
        required={password === 'required'}
        optional={password === 'optional'}
        hint={`At least ${minPasswordLength} characters. A few random words are good.`}
      />
      <Button type="submit" variant="primary" busy={link.isPending || link.isSuccess}>
        {submitLabel}
      </Button>
    </form>
  )
}
