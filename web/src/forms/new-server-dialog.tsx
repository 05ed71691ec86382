import type { Profile } from '@atrium/contract/servers.ts'
import { useState } from 'react'

import { useStartServer } from '#api/servers.ts'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { TextField, textOf } from '#ui/field.tsx'

import { StartChoiceFields, useStartChoice } from './start-choice.tsx'

interface NewServerDialogProps {
  user: string
  profiles: readonly Profile[]
  /** Names the user has already. */
  taken: readonly string[]
  /** Called at once with the new name, before the server is there. */
  onAsked: (name: string) => void
  onClose: () => void
}

/** Names a new server and starts it. */
export function NewServerDialog({ user, profiles, taken, onAsked, onClose }: NewServerDialogProps) {
  const start = useStartServer()
  const [choice, setChoice] = useStartChoice(profiles, [])
  const [nameError, setNameError] = useState<string>()
  const submit = (data: FormData) => {
    const name = textOf(data, 'name')
    setNameError(taken.includes(name) ? 'You have a server of this name.' : undefined)
    if (taken.includes(name)) return
    onAsked(name)
    start.mutate({ user, name, ...choice }, { onSuccess: onClose })
  }
  return (
    <Dialog title="New named server" onClose={onClose}>
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Start"
        busy={start.isPending}
        error={start.error?.message}
      >
        <p className="muted">A second server of its own beside your default one. Files are the same.</p>
        <TextField
          label="Name"
          name="name"
          pattern="[a-z][a-z0-9]*(-[a-z0-9]+)*"
          title="Lower-case letters, digits and single hyphens, a letter first"
          maxLength={30}
          hint="Lower-case letters, digits and hyphens. It becomes part of the address."
          autoComplete="off"
          required
          error={nameError}
        />
        <StartChoiceFields profiles={profiles} choice={choice} onChange={setChoice} asCards={false} />
      </DialogForm>
    </Dialog>
  )
}
