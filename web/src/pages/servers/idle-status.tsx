import type { IdleReason, IdleState, ServerDetails } from '@atrium/contract/servers.ts'

import { useKeepRunning } from '#api/servers.ts'
import { Button } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { Countdown, formatAbsolute, formatDuration, RelativeTime } from '#ui/time.tsx'
import { useToast } from '#ui/toast.tsx'

interface IdleStatusProps {
  server: ServerDetails
  idle: IdleState
}

/** Before an idle stop: when it comes, since when nobody uses the server, and the way to hold it off. */
export function IdleWarning({ server, idle, stopsAtMs }: IdleStatusProps & { stopsAtMs: number }) {
  return (
    <Notice
      tone="warn"
      title={
        <>
          Nobody uses this server: it stops in <Countdown untilMs={stopsAtMs} />
        </>
      }
      actions={<KeepRunningButton server={server} />}
    >
      {idle.reasons.map((reason) => (
        <IdleReasonText key={reason.text} reason={reason} />
      ))}{' '}
      Files are kept; kernels and what they hold in memory are not.
    </Notice>
  )
}

/** Why a server is still running, and when it will not be any more. */
export function WhyRunning({ server, idle }: IdleStatusProps) {
  return (
    <details>
      <summary>Why is it still running?</summary>
      <div className="stack gap-s">
        <ul className="reasons">
          {idle.reasons.map((reason) => (
            <li key={reason.text}>{idle.inUse ? reason.text : <IdleReasonText reason={reason} />}</li>
          ))}
          <li>{describePolicy(idle)}</li>
        </ul>
        {!idle.keepUntilMs && idle.timeoutMs !== undefined && (
          <div>
            <KeepRunningButton server={server} />
          </div>
        )}
      </div>
    </details>
  )
}

/** `A kernel was busy (55 minutes ago).` */
function IdleReasonText({ reason: { text, atMs } }: { reason: IdleReason }) {
  return (
    <>
      {text.replace(/\.$/, '')} (<RelativeTime atMs={atMs} />
      ).
    </>
  )
}

function describePolicy({ keepUntilMs, timeoutMs }: IdleState): string {
  if (keepUntilMs !== undefined) return `You asked to keep it running until ${formatAbsolute(keepUntilMs)}.`
  if (timeoutMs === undefined) return 'It is not stopped for being idle.'
  return `It stops after ${formatDuration(timeoutMs)} without use. An open tab alone is no use.`
}

function KeepRunningButton({ server }: { server: ServerDetails }) {
  const keep = useKeepRunning()
  const toast = useToast()
  return (
    <Button
      icon="clock"
      busy={keep.isPending}
      onClick={() =>
        keep.mutate(server, {
          onSuccess: () => toast.done('It keeps running.'),
          onError: (error) => toast.failed(error.message),
        })
      }
    >
      Keep it running
    </Button>
  )
}
