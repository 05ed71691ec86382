import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import { useCallback, useEffect, useState } from 'react'

import { StartForm } from '#forms/start-form.tsx'
import { Notice } from '#ui/notice.tsx'
import { ProgressBar } from '#ui/progress-bar.tsx'

import { FailedStart } from './failed-start.tsx'
import { RunningServer } from './running-server.tsx'
import { StartingServer } from './starting-server.tsx'

interface ServerBodyProps {
  server: ServerDetails
  profiles: readonly Profile[]
  isOwn: boolean
}

/** The part of a server's card that follows its state. */
export function ServerBody({ server, profiles, isOwn }: ServerBodyProps) {
  const [opensWhenReady, setOpensWhenReady] = useOpenWhenReady(server)
  const start = <StartForm server={server} profiles={profiles} onAsked={() => setOpensWhenReady(isOwn)} />
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

/** Leads into the server once it runs, if that was asked for by a start on this page. */
function useOpenWhenReady({ state, url }: ServerDetails): [boolean, (opens: boolean) => void] {
  const [opens, setOpens] = useState(false)
  useEffect(() => {
    if (opens && state === 'running') location.assign(url)
    if (state === 'failed' || state === 'stopping') setOpens(false)
  }, [opens, state, url])
  return [opens, useCallback((value: boolean) => setOpens(value), [])]
}
