import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'

import { formatBytes, formatCores } from '#ui/amounts.ts'
import { Facts } from '#ui/facts.tsx'
import { Meter } from '#ui/meter.tsx'
import { formatAbsolute, formatDuration, RelativeTime, useNow } from '#ui/time.tsx'

import { IdleWarning, WhyRunning } from './idle-status.tsx'
import { RestartSummary } from './restart-notice.tsx'
import { TimeWarning } from './time-warning.tsx'
import './running-server.css'

interface RunningServerProps {
  server: ServerDetails
  profiles: readonly Profile[]
}

/** A running server: that it is about to stop, since when, how long still, what it uses, and why it is still there. */
export function RunningServer({ server, profiles }: RunningServerProps) {
  const { idle } = server
  const profile = profiles.find((each) => each.name === server.profile)
  return (
    <div className="stack">
      {server.endsSoon && server.endsAtMs !== undefined && <TimeWarning endsAtMs={server.endsAtMs} />}
      {idle?.warned && idle.stopsAtMs !== undefined && (
        <IdleWarning server={server} idle={idle} stopsAtMs={idle.stopsAtMs} />
      )}
      <Facts
        facts={[
          { label: 'Profile', value: profile?.title ?? server.profile },
          { label: 'Started', value: server.readyAtMs && <RelativeTime atMs={server.readyAtMs} /> },
          {
            label: 'Last activity',
            value: server.lastActivityAtMs && <RelativeTime atMs={server.lastActivityAtMs} />,
          },
          { label: 'Time left', value: server.endsAtMs && <TimeLeft endsAtMs={server.endsAtMs} /> },
          { label: 'Node', value: server.node },
          { label: 'Restarts', value: server.restarts && <RestartSummary restarts={server.restarts} /> },
        ]}
      />
      <ServerUse server={server} />
      {idle && !idle.warned && <WhyRunning server={server} idle={idle} />}
    </div>
  )
}

function TimeLeft({ endsAtMs }: { endsAtMs: number }) {
  const now = useNow(30_000)
  return <span title={`Ends ${formatAbsolute(endsAtMs)}`}>{formatDuration(endsAtMs - now)}</span>
}

function ServerUse({ server: { usage, limits } }: { server: ServerDetails }) {
  // Nothing measured yet: no program uses no memory at all.
  if (!usage?.memoryBytes) return null
  return (
    <div className="server-use">
      <Meter
        label="Memory"
        used={usage.memoryBytes}
        {...(limits?.memoryBytes !== undefined && { limit: limits.memoryBytes })}
        format={formatBytes}
      />
      {usage.oomKills !== undefined && (
        <p role="alert">
          {usage.oomKills === 1 ? 'A program was' : `${usage.oomKills} programs were`} ended because this
          server used more memory than it may. A kernel that dies is often one of them.
        </p>
      )}
      {limits?.cpu !== undefined && <p className="muted">Up to {formatCores(limits.cpu)}</p>}
    </div>
  )
}
