import { useEffect, useState } from 'react'

const units = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

/** The zone that all times are shown in: the browser's. */
export const ownTimezone: string = absolute.resolvedOptions().timeZone

/** `3 hours ago`, `in 5 minutes`, `just now`. */
export function formatRelative(atMs: number, nowMs: number): string {
  const differenceMs = atMs - nowMs
  for (const [unit, lengthMs] of units) {
    if (Math.abs(differenceMs) >= lengthMs) return relative.format(Math.trunc(differenceMs / lengthMs), unit)
  }
  return differenceMs > 0 ? 'in less than a minute' : 'just now'
}

/** `24 Nov 2026, 02:50`, in the browser's time zone. */
export function formatAbsolute(atMs: number): string {
  return absolute.format(atMs)
}

/** `2 d 3 h`, `5 h 12 min`, `12 min`, `45 s`: the two largest parts. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000))
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return hours ? `${days} d ${hours} h` : `${days} d`
  if (hours > 0) return minutes ? `${hours} h ${minutes} min` : `${hours} h`
  if (minutes > 0) return `${minutes} min`
  return `${seconds} s`
}

/** `9:05` or `1:09:05`, for a countdown. */
export function formatCountdown(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000))
  const parts = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  const shown = parts[0] ? parts : parts.slice(1)
  return shown.map((part, index) => (index ? String(part).padStart(2, '0') : String(part))).join(':')
}

/** The present time, renewed every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

/** A moment as people speak of it, exact on hover. */
export function RelativeTime({ atMs }: { atMs: number }) {
  const now = useNow(30_000)
  return (
    <time className="nowrap" dateTime={new Date(atMs).toISOString()} title={exact.format(atMs)}>
      {formatRelative(atMs, now)}
    </time>
  )
}

/** The moment itself, for records; with seconds and time zone on hover. */
export function AbsoluteTime({ atMs }: { atMs: number }) {
  return (
    <time className="nowrap" dateTime={new Date(atMs).toISOString()} title={exact.format(atMs)}>
      {formatAbsolute(atMs)}
    </time>
  )
}

/** Time left, second by second; not announced, since that would never end. */
export function Countdown({ untilMs }: { untilMs: number }) {
  const now = useNow(1000)
  return (
    <span role="timer" aria-live="off" className="nowrap">
      {formatCountdown(untilMs - now)}
    </span>
  )
}
