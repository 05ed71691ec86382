import { CronError, parseCron } from '@atrium/contract/cron.ts'
import { listCronTimes } from '@atrium/contract/cron-times.ts'
import { PlatformError } from '@atrium/contract/errors.ts'

/** A line of cron by the clock of a place. */
export interface ScheduleTimes {
  cron: string
  /** Default `UTC`. */
  timezone?: string
}

/** The next times after `afterMs`. Throws `bad_request` for a line or a time zone that means nothing. */
export function listTimes(
  { cron, timezone = 'UTC' }: ScheduleTimes,
  afterMs: number,
  count: number,
): number[] {
  try {
    return listCronTimes(parseCron(cron), timezone, afterMs, count)
  } catch (error) {
    if (error instanceof CronError) throw new PlatformError('bad_request', { message: error.message })
    throw error
  }
}

/** `2026-11-26_0600` by the clock of the place: sorts, and is a file's name everywhere. */
export function formatTimeOfPlace(timeMs: number, timezone = 'UTC'): string {
  const text = new Date(timeMs).toLocaleString('sv-SE', { timeZone: timezone })
  return text.slice(0, '2026-11-26 06:00'.length).replace(' ', '_').replace(':', '')
}
