import { formatAbsolute, ownTimezone } from './time.tsx'
import './next-times.css'

interface NextTimesProps {
  timesMs: readonly number[]
  /** The schedule's own: said where it is not the person's. */
  timezone: string
}

/** The next few times, in the person's time zone and, where that is another, in the schedule's. */
export function NextTimes({ timesMs, timezone }: NextTimesProps) {
  if (timesMs.length === 0) return <p className="muted">It never runs again.</p>
  return (
    <div className="stack gap-s">
      <p className="muted">Next, in your time zone ({ownTimezone}):</p>
      <ol className="next-times" aria-label="Next times">
        {timesMs.map((atMs) => (
          <li key={atMs}>
            <time dateTime={new Date(atMs).toISOString()}>
              {weekday.format(atMs)} {formatAbsolute(atMs)}
            </time>
            {timezone !== ownTimezone && <span className="muted"> · {formatIn(timezone, atMs)}</span>}
          </li>
        ))}
      </ol>
    </div>
  )
}

const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short' })

/** `Mon 06:00 in Europe/Berlin`. */
function formatIn(timezone: string, atMs: number): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  return `${format.format(atMs).replace(',', '')} in ${timezone}`
}
