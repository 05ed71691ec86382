import type { HubProgress } from '@atrium/contract/hub-models.ts'
import type { ServerDetails } from '@atrium/contract/servers.ts'
import { useState } from 'react'

import { endpoints } from '#api/endpoints.ts'
import { useLogStream } from '#api/log-stream.ts'
import { useStartProgress } from '#api/progress-stream.ts'
import { Button } from '#ui/button.tsx'
import { LogView } from '#ui/log-view.tsx'
import { ProgressBar } from '#ui/progress-bar.tsx'
import { formatRelative, useNow } from '#ui/time.tsx'

import { RestartNotice } from './restart-notice.tsx'
import './starting-server.css'

interface StartingServerProps {
  server: ServerDetails
  opensWhenReady: boolean
  /** The stream of the start said so, before anybody has looked at the server again. */
  onReady: () => void
  onStay: () => void
}

/** A start as it goes on: how far, what happened so far, and the log from its first line. */
export function StartingServer({ server, opensWhenReady, onReady, onStay }: StartingServerProps) {
  const events = useStartProgress(server, onReady)
  const latest = events.at(-1)
  const log = useLogStream(endpoints.serverLog(server.user, server.name))
  return (
    <div className="stack">
      {server.restarts && <RestartNotice restarts={server.restarts} />}
      <div className="stack gap-s">
        <ProgressBar label="Progress of the start" {...(latest && { percent: latest.progress })} />
        <div className="row spread">
          <p role="status">{latest?.message ?? 'Asked for. Waiting for the first word…'}</p>
          {opensWhenReady && (
            <span className="row muted">
              Opens when it is ready.
              <Button size="s" variant="quiet" onClick={onStay}>
                Stay here
              </Button>
            </span>
          )}
        </div>
        {server.state === 'queued' && <QueuePlace server={server} />}
      </div>
      <StartSteps events={events} />
      {(server.state === 'starting' || log.text) && <StartLog text={log.text} />}
    </div>
  )
}

function QueuePlace({ server }: { server: ServerDetails }) {
  const now = useNow(5000)
  const { place, estimatedStartAtMs, message } = server
  if (place === undefined && !message) return null
  return (
    <p className="muted">
      {place === undefined ? 'In line.' : `Number ${place} in line.`}{' '}
      {estimatedStartAtMs !== undefined &&
        `Starts ${formatRelative(estimatedStartAtMs, now)}, as far as known. `}
      {message}
    </p>
  )
}

function StartSteps({ events }: { events: readonly HubProgress[] }) {
  if (events.length < 2) return null
  return (
    <ol className="start-steps" aria-label="What happened so far">
      {events.slice(0, -1).map((event, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are only ever added at the end
        <li key={index}>{event.message}</li>
      ))}
    </ol>
  )
}

function StartLog({ text }: { text: string }) {
  const [isShown, setShown] = useState(true)
  return (
    <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>Log</summary>
      <LogView label="Log of the server" text={text} placeholder="The server has written nothing yet." />
    </details>
  )
}
