import type { ScheduleRequest, ScheduleView } from '@atrium/contract/runs-api.ts'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'

import { useChangeSchedule, useCreateSchedule } from '#api/schedules.ts'
import { profilesQuery } from '#api/servers.ts'
import { signedInUser } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Checkbox, SelectField, TextField } from '#ui/field.tsx'
import { NextTimes } from '#ui/next-times.tsx'
import { Notice } from '#ui/notice.tsx'
import { ownTimezone, useNow } from '#ui/time.tsx'

import { CronField, readCron } from './cron-field.tsx'
import { readSchedule, ScheduleProblem } from './read-schedule.ts'
import { WhatFields } from './what-fields.tsx'

interface ScheduleFormProps {
  /** What is changed; absent: a new one. */
  schedule?: ScheduleView
  onCancel: () => void
  onDone: (schedule: ScheduleView) => void
}

/** What runs, when, and how. */
export function ScheduleForm({ schedule, onCancel, onDone }: ScheduleFormProps) {
  const create = useCreateSchedule()
  const change = useChangeSchedule()
  const [cron, setCron] = useState(schedule?.cron ?? '0 6 * * 1-5')
  const [timezone, setTimezone] = useState(schedule?.timezone ?? ownTimezone)
  const [problem, setProblem] = useState<ScheduleProblem>()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    let request: ScheduleRequest
    try {
      request = readSchedule(data, schedule)
      setProblem(undefined)
    } catch (error) {
      if (!(error instanceof ScheduleProblem)) throw error
      return setProblem(error)
    }
    if (schedule) change.mutate({ id: schedule.id, ...request }, { onSuccess: onDone })
    else create.mutate(request, { onSuccess: onDone })
  }
  const error = create.error ?? change.error
  return (
    <form className="stack gap-l schedule-form" onSubmit={submit}>
      {error && (
        <Notice tone="bad" title="It is not saved" assertive>
          {error.message}
        </Notice>
      )}
      <Card title="What">
        <div className="stack">
          <TextField
            label="Name"
            name="name"
            defaultValue={schedule?.name}
            maxLength={200}
            autoComplete="off"
            required
          />
          <WhatFields {...(schedule && { schedule })} problem={problem} />
        </div>
      </Card>
      <WhenCard cron={cron} timezone={timezone} onCron={setCron} onTimezone={setTimezone} />
      <Card title="How">
        <HowFields {...(schedule && { schedule })} />
      </Card>
      <div className="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending || change.isPending}>
          {schedule ? 'Save' : 'Make the schedule'}
        </Button>
      </div>
    </form>
  )
}

interface WhenCardProps {
  cron: string
  timezone: string
  onCron: (cron: string) => void
  onTimezone: (timezone: string) => void
}

/** The line, its zone, and what both come to. */
function WhenCard({ cron, timezone, onCron, onTimezone }: WhenCardProps) {
  const now = useNow(30_000)
  const zones = useId()
  const reading = readCron(cron, timezone, now)
  const problem = 'problem' in reading ? reading.problem : undefined
  const isZoneWrong = problem?.includes('time zone')
  return (
    <Card title="When">
      <div className="stack">
        <CronField value={cron} error={isZoneWrong ? undefined : problem} onChange={onCron} />
        <TextField
          label="Time zone"
          name="timezone"
          value={timezone}
          error={isZoneWrong ? problem : undefined}
          onChange={(event) => onTimezone(event.target.value.trim())}
          list={zones}
          autoComplete="off"
          required
        />
        <datalist id={zones}>
          {Intl.supportedValuesOf('timeZone').map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        {'words' in reading && (
          <Notice title={<output>{reading.words}</output>}>
            <NextTimes timesMs={reading.timesMs} timezone={timezone} />
          </Notice>
        )}
      </div>
    </Card>
  )
}

/** Resources, retries, and what is kept. */
function HowFields({ schedule }: { schedule?: ScheduleView }) {
  const profiles = useQuery(profilesQuery(signedInUser().name))
  const count = { type: 'number', inputMode: 'numeric', required: true } as const
  return (
    <div className="stack">
      <div className="form-columns">
        <SelectField
          // The choice is there once the profiles are.
          key={profiles.data ? 'loaded' : 'loading'}
          label="Profile"
          name="profile"
          defaultValue={schedule?.run?.profile ?? ''}
          options={[
            { value: '', label: 'The default one' },
            ...(profiles.data ?? []).map(({ name, title }) => ({ value: name, label: title })),
          ]}
        />
        <TextField
          {...count}
          label="Retries"
          name="retries"
          min={0}
          max={100}
          defaultValue={schedule?.run?.retries ?? 0}
          hint="How often it is run again after a failure."
        />
        <TextField
          {...count}
          label="Results to keep"
          name="keep"
          min={1}
          max={1000}
          defaultValue={schedule?.keep ?? 30}
          hint="Older ones are deleted."
        />
      </div>
      <Checkbox
        label="Run it also while the last one still runs"
        name="overlap"
        defaultChecked={schedule?.overlap === 'allow'}
      />
    </div>
  )
}
