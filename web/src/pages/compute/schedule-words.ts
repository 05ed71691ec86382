import { formatCommand } from '@atrium/contract/command-line.ts'
import { CronError, parseCron } from '@atrium/contract/cron.ts'
import { describeCron } from '@atrium/contract/cron-words.ts'
import type { ScheduleView } from '@atrium/contract/runs-api.ts'

import { ownTimezone } from '#ui/time.tsx'

/** `At 06:00, Monday to Friday`, and in which zone when it is not the person's. */
export function describeTimes({ cron, timezone = 'UTC' }: Pick<ScheduleView, 'cron' | 'timezone'>): string {
  const words = tellCron(cron)
  return timezone === ownTimezone ? words : `${words} (${timezone})`
}

function tellCron(cron: string): string {
  try {
    return describeCron(parseCron(cron))
  } catch (error) {
    if (error instanceof CronError) return cron
    throw error
  }
}

/** The notebook, or the command. */
export function describeWhat({ notebook, run }: Pick<ScheduleView, 'notebook' | 'run'>): string {
  return notebook ? notebook.path : formatCommand(run?.command ?? [])
}
