import type { FormEvent } from 'react'

import { useSignIn } from '#api/account.ts'
import { messageOf } from '#api/http.ts'
import { portalPage } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { TextField, textOf } from '#ui/field.tsx'
import { Notice } from '#ui/notice.tsx'

/** User name and password; leads to `next`, or home. */
export function SignInForm({ next }: { next: string | undefined }) {
  const signIn = useSignIn()
  const failure = signIn.error ? messageOf(signIn.error) : portalPage.signIn.failure
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    signIn.mutate(
      {
        username: textOf(data, 'username'),
        password: String(data.get('password')),
        ...(next !== undefined && { next }),
      },
      { onSuccess: ({ redirect }) => location.assign(redirect) },
    )
  }
  return (
    <form onSubmit={submit}>
      {failure && (
        <Notice tone="bad" assertive>
          {failure}
        </Notice>
      )}
      <TextField
        label="Username"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        required
        autoFocus
      />
      <TextField label="Password" name="password" type="password" autoComplete="current-password" required />
      <Button type="submit" variant="primary" busy={signIn.isPending || signIn.isSuccess}>
        Sign in
      </Button>
    </form>
  )
}
