import type { ServerDetails } from '@atrium/contract/servers.ts'

import { LogView } from '#ui/log-view.tsx'
import { Notice } from '#ui/notice.tsx'

function titleOf({ reason, readyAtMs }: ServerDetails): string {
  if (reason === 'preempted') return 'A more important job took its place'
  if (reason === 'time_limit') return 'Its time was over'
  return readyAtMs === undefined ? 'It did not start' : 'It ended by itself'
}

/** Why a server ended: the sentence, the exit status, and the last lines it wrote. */
export function FailedStart({ server }: { server: ServerDetails }) {
  const { message, exitCode, logTail } = server
  return (
    <div className="stack gap-s">
      <Notice tone="bad" title={titleOf(server)}>
        {message ?? 'It ended without saying why.'}{' '}
        {exitCode !== undefined && <span className="nowrap">Exit status {exitCode}.</span>}
      </Notice>
      {logTail && <LogView label="Last lines of its log" text={logTail} />}
    </div>
  )
}
