import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import type { FormEvent } from 'react'

import { messageOf } from '#api/http.ts'
import { useStartServer } from '#api/servers.ts'
import { Button } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'

import './start-form.css'

import { StartChoiceFields, useStartChoice } from './start-choice.tsx'

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
  const [choice, setChoice] = useStartChoice(profiles, [
    { ...(profile && { profile }), ...(server.account && { account: server.account }) },
    {
      ...(server.profile && { profile: server.profile }),
      ...(server.account && { account: server.account }),
    },
  ])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const { user, name } = server
    onAsked?.()
    start.mutate({ user, name, ...choice })
  }
  return (
    <form className="stack" onSubmit={submit}>
      {start.error && (
        <Notice tone="bad" title="It cannot start" assertive>
          {messageOf(start.error)}
        </Notice>
      )}
      <div className="start-form" data-in-line={server.name !== '' || undefined}>
        <StartChoiceFields
          profiles={profiles}
          choice={choice}
          onChange={setChoice}
          asCards={server.name === ''}
        />
        <Button type="submit" variant="primary" icon="play" busy={start.isPending}>
          Start
        </Button>
      </div>
    </form>
  )
}
