import { Notice } from '#ui/notice.tsx'
import { Countdown, formatAbsolute } from '#ui/time.tsx'

/** Before the time limit ends a server: when, and what will be lost. */
export function TimeWarning({ endsAtMs }: { endsAtMs: number }) {
  return (
    <Notice
      tone="warn"
      title={
        <>
          Its time is over in <Countdown untilMs={endsAtMs} />
        </>
      }
    >
      The time limit ends this server at {formatAbsolute(endsAtMs)}. Files are kept; kernels and what they
      hold in memory are not. You can start it again then.
    </Notice>
  )
}
