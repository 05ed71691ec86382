import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import { useEffect, useState } from 'react'

import { StartForm } from '#forms/start-form.tsx'
import { Notice } from '#ui/notice.tsx'
import { ProgressBar } from '#ui/progress-bar.tsx'

import { FailedStart } from './failed-start.tsx'
import { RunningServer } from './running-server.tsx'
import { StartingServer } from './starting-server.tsx'
import { useLeadOn } from './use-lead-on.ts'

interface ServerBodyProps {
  server: ServerDetails
  profiles: readonly Profile[]
  opening: Opening
}

/** Whether a start leads into the server: one that is asked for here, any, or none. */
export interface Opening {
  after: 'own-start' | 'any-start' | 'none'
  /** Where to, if not to the server's first page. */
  to?: string | undefined
  /** This page is only on the way: going back does not lead to it again. */
  isPassing?: boolean
}

/** The part of a server's card that follows its state. */
export function ServerBody({ server, profiles, opening }: ServerBodyProps) {
  const { opensWhenReady, setOpensWhenReady, leadOn } = useOpenWhenReady(server, opening)
  const ask = () => setOpensWhenReady(opening.after !== 'none')
  const start = <StartForm server={server} profiles={profiles} onAsked={ask} />
  switch (server.state) {
    case 'stopped':
      return start
    case 'failed':
      return (
        <div className="stack">
          <FailedStart server={server} />
          {start}
        </div>
      )
    case 'queued':
    case 'starting':
      return (
        <StartingServer
          server={server}
          opensWhenReady={opensWhenReady}
          onReady={() => opensWhenReady && leadOn()}
          onStay={() => setOpensWhenReady(false)}
        />
      )
    case 'running':
      return <RunningServer server={server} profiles={profiles} />
    case 'stopping':
      return <ProgressBar label="Stopping" />
    case 'unknown':
      return (
        <Notice tone="warn" title="The scheduler does not answer">
          Your server may well be running. Nothing is stopped or lost; its state shows here as soon as the
          scheduler answers.
        </Notice>
      )
  }
}

/** Leads into the server once it is ready, if that was asked for. */
function useOpenWhenReady({ state, url }: ServerDetails, { after, to, isPassing = false }: Opening) {
  const [opensWhenReady, setOpensWhenReady] = useState(after === 'any-start')
  const leadOn = useLeadOn(to ?? url, { replaces: isPassing })
  useEffect(() => {
    if (opensWhenReady && state === 'running') leadOn()
    if (state === 'failed' || state === 'stopping') setOpensWhenReady(false)
  }, [opensWhenReady, state, leadOn])
  return { opensWhenReady, setOpensWhenReady, leadOn }
}
