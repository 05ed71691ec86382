import { CronError, type CronLine } from './cron.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
/** The 29th of February on one day of the week comes every 28 years, or 40 around a century without leap day. */
const furthestDays = 41 * 366

/**
 * The next `count` times of a line after `afterMs`, in milliseconds since 1970; fewer when there are no more within 41 years. Times on a
 * clock that is put forward over them come as much later as the clock jumps; of those that come twice the first counts. Lines for any
 * hour (`*`) are by the time that passes: they skip nothing and repeat in the hour that comes twice.
 */
export function listCronTimes(line: CronLine, timezone: string, afterMs: number, count: number): number[] {
  const clock = createZoneClock(timezone)
  const today = Math.floor(clock.toLocal(afterMs) / dayMs) * dayMs
  const times: number[] = []
  // The day before too: what a clock that was put back still holds of it.
  for (let index = -1; index < furthestDays && times.length < count; index += 1) {
    const day = today + index * dayMs
    if (!isDayOf(line, new Date(day))) continue
    const ofDay = listTimesOfDay(line, clock, day).filter((atMs) => atMs > afterMs)
    times.push(...ofDay.filter((atMs) => !times.includes(atMs)))
  }
  return times.slice(0, count)
}

/** Days of month and week: when both are restricted, either will do (crontab(5)). */
function isDayOf({ month, dayOfMonth, dayOfWeek }: CronLine, day: Date): boolean {
  if (!month.values.includes(day.getUTCMonth() + 1)) return false
  const isInMonth = dayOfMonth.values.includes(day.getUTCDate())
  const isInWeek = dayOfWeek.values.includes(day.getUTCDay())
  return dayOfMonth.isAny || dayOfWeek.isAny ? isInMonth && isInWeek : isInMonth || isInWeek
}

function listTimesOfDay({ hour, minute }: CronLine, clock: ZoneClock, day: number): number[] {
  const times = new Set<number>()
  for (const hours of hour.values) {
    for (const minutes of minute.values) {
      const local = day + (hours * 60 + minutes) * minuteMs
      const found = clock.fromLocal(local)
      const [first] = found
      if (hour.isAny) for (const atMs of found) times.add(atMs)
      else times.add(first ?? clock.afterGap(local))
    }
  }
  return [...times].sort((a, b) => a - b)
}

/** A zone's clock. Local times are written as the milliseconds that UTC would have for the same figures. */
interface ZoneClock {
  toLocal(atMs: number): number
  /** When the clock shows this: once, never, or twice. */
  fromLocal(local: number): number[]
  /** For what the clock never shows: as much after the jump as it would have been after its beginning. */
  afterGap(local: number): number
}

/** Throws `CronError` for a zone that nobody knows. */
function createZoneClock(timezone: string): ZoneClock {
  const format = createFormat(timezone)
  const offsetAt = (atMs: number) => readLocal(format, atMs) - Math.floor(atMs / 1000) * 1000
  return {
    toLocal: (atMs) => atMs + offsetAt(atMs),
    fromLocal(local) {
      const offsets = new Set([offsetAt(local - dayMs), offsetAt(local + dayMs)])
      const found = [...offsets]
        .map((offset) => local - offset)
        .filter((atMs) => atMs + offsetAt(atMs) === local)
      return found.sort((a, b) => a - b)
    },
    afterGap: (local) => local - offsetAt(local - dayMs),
  }
}

function createFormat(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    throw new CronError(`There is no time zone “${timezone}”.`)
  }
}

function readLocal(format: Intl.DateTimeFormat, atMs: number): number {
  const of: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(atMs)) of[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = of
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
