import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import { type FormEvent, useState } from 'react'

import { messageOf } from '#api/http.ts'
import { useStartServer } from '#api/servers.ts'
import { Button } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'

import './start-form.css'

import { ProfileChoice } from './profile-choice.tsx'

interface StartFormProps {
  server: ServerDetails
  profiles: readonly Profile[]
  /** Chosen before the person chooses. */
  profile?: string | undefined
  /** Called at once. The answer may come only when the server is ready, and this form is gone by then. */
  onAsked?: () => void
}

/** Choose a profile, where there is a choice, and start. */
export function StartForm({ server, profiles, profile, onAsked }: StartFormProps) {
  const start = useStartServer()
  const [chosen, setChosen] = useState(() => choose(profiles, [profile, server.profile]))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const { user, name } = server
    onAsked?.()
    start.mutate({ user, name, ...(chosen && { profile: chosen }) })
  }
  return (
    <form className="stack" onSubmit={submit}>
      {start.error && (
        <Notice tone="bad" title="It cannot start" assertive>
          {messageOf(start.error)}
        </Notice>
      )}
      <div className="start-form" data-in-line={server.name !== '' || undefined}>
        <ProfileChoice profiles={profiles} value={chosen} onChange={setChosen} asCards={server.name === ''} />
        <Button type="submit" variant="primary" icon="play" busy={start.isPending}>
          Start
        </Button>
      </div>
    </form>
  )
}

/** The first of the wanted profiles that there is, else the default one. */
function choose(profiles: readonly Profile[], wanted: readonly (string | undefined)[]): string {
  const names = profiles.map((profile) => profile.name)
  const found = wanted.find((name) => name !== undefined && names.includes(name))
  return found ?? profiles.find((profile) => profile.isDefault)?.name ?? names[0] ?? ''
}
