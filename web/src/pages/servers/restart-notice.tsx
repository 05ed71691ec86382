import type { ServerDetails } from '@atrium/contract/servers.ts'

import { formatCount } from '#ui/amounts.ts'
import { Notice } from '#ui/notice.tsx'
import { RelativeTime } from '#ui/time.tsx'

type Restarts = NonNullable<ServerDetails['restarts']>

const words: Readonly<Record<string, string>> = {
  preempted: 'A more important job took its place',
  node_lost: 'Its node was lost',
  requeued: 'The scheduler put it back into its queue',
}

/** Why a server that had started waits or starts once more. */
export function RestartNotice({ restarts }: { restarts: Restarts }) {
  const { reason, message, count, atMs } = restarts
  return (
    <Notice tone="warn" title={words[reason] ?? 'It begins anew'}>
      {message} It went into the queue again <RelativeTime atMs={atMs} /> and starts by itself
      {count > 1 && `; this happened ${formatCount(count, 'time')} so far`}. Files are kept; kernels and what
      they held in memory are not.
    </Notice>
  )
}

/** `2, last 5 minutes ago: a more important job took its place`. */
export function RestartSummary({ restarts: { count, reason, message, atMs } }: { restarts: Restarts }) {
  const why = words[reason] ?? message
  return (
    <>
      {count}, last <RelativeTime atMs={atMs} />: {why[0]?.toLowerCase()}
      {why.slice(1)}
    </>
  )
}
