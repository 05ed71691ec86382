import { CronError, parseCron } from '@atrium/contract/cron.ts'
import { listCronTimes } from '@atrium/contract/cron-times.ts'
import { describeCron } from '@atrium/contract/cron-words.ts'

import { Button } from '#ui/button.tsx'
import { TextField } from '#ui/field.tsx'

const presets = [
  { label: 'Every hour', cron: '0 * * * *' },
  { label: 'Every morning', cron: '0 6 * * *' },
  { label: 'Weekday mornings', cron: '0 6 * * 1-5' },
  { label: 'Every Monday', cron: '0 6 * * 1' },
  { label: 'First of the month', cron: '0 6 1 * *' },
]

const shownTimes = 5

/** What a line of cron comes to: words and times, or what is wrong with it. */
export type CronReading = { words: string; timesMs: readonly number[] } | { problem: string }

/** Reads a line in a zone. */
export function readCron(cron: string, timezone: string, nowMs: number): CronReading {
  try {
    const line = parseCron(cron)
    return { words: describeCron(line), timesMs: listCronTimes(line, timezone, nowMs, shownTimes) }
  } catch (error) {
    if (error instanceof CronError) return { problem: error.message }
    throw error
  }
}

interface CronFieldProps {
  value: string
  error: string | undefined
  onChange: (cron: string) => void
}

/** A line of cron, with the usual ones at hand. */
export function CronField({ value, error, onChange }: CronFieldProps) {
  return (
    <div className="stack gap-s">
      <TextField
        label="Line of cron"
        name="cron"
        value={value}
        error={error}
        onChange={(event) => onChange(event.target.value)}
        hint="Minute, hour, day of the month, month, day of the week. Or choose:"
        autoComplete="off"
        autoCapitalize="none"
        required
      />
      <div className="row presets">
        {presets.map(({ label, cron }) => (
          <Button key={cron} size="s" aria-pressed={cron === value.trim()} onClick={() => onChange(cron)}>
            {label}
          </Button>
        ))}
      </div>
    </div>
  )
}
