import type { ScheduleView } from '@atrium/contract/runs-api.ts'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { scheduleQuery } from '#api/schedules.ts'
import { signedInUser } from '#page-data.ts'
import { paths } from '#paths.ts'
import { Card } from '#ui/card.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { type Fact, Facts } from '#ui/facts.tsx'
import { NextTimes } from '#ui/next-times.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { RunTable } from './run-table.tsx'
import { ScheduleButtons } from './schedule-actions.tsx'
import { ScheduleSwitch } from './schedule-switch.tsx'
import { describeTimes, describeWhat } from './schedule-words.ts'
import './compute.css'

/** One schedule: when it runs next, what it runs, and how it went. */
export function SchedulePage() {
  const id = Number(useParams()['schedule'])
  const { data: schedule, error } = useQuery(scheduleQuery(id))
  const isOwn = !schedule || schedule.user === signedInUser().name
  return (
    <>
      <PageHeader
        title={schedule?.name ?? `Schedule ${id}`}
        {...(!isOwn && { description: `Belongs to ${schedule.user}.` })}
        back={<Link to={isOwn ? paths.schedules() : paths.admin.schedules()}>Schedules</Link>}
        actions={schedule && <ScheduleButtons schedule={schedule} />}
      />
      {error && !schedule && (
        <Notice tone="bad" title="This schedule cannot be shown">
          {messageOf(error)}
        </Notice>
      )}
      {schedule ? <ScheduleDetails schedule={schedule} /> : !error && <Skeleton lines={6} />}
    </>
  )
}

function ScheduleDetails({ schedule }: { schedule: ScheduleView }) {
  return (
    <>
      {schedule.lastMessage && (
        <Notice tone="warn" title="Nothing was run when it was due last">
          {schedule.lastMessage}
        </Notice>
      )}
      <Card
        title="When"
        description={describeTimes(schedule)}
        actions={<ScheduleSwitch schedule={schedule} />}
      >
        {schedule.enabled === false ? (
          <p className="muted">It is switched off: nothing runs until it is on again, or by hand.</p>
        ) : (
          <NextTimes timesMs={schedule.upcomingMs} timezone={schedule.timezone ?? 'UTC'} />
        )}
      </Card>
      <Card title="What">
        <Facts facts={listScheduleFacts(schedule)} />
      </Card>
      <Card title="History" flush>
        <RunTable
          query={{ schedule: schedule.id, state: 'all' }}
          kind="schedule"
          empty={
            <EmptyState icon="clock" title="It did not run yet">
              Each run shows here, with its log and its result.
            </EmptyState>
          }
        />
      </Card>
    </>
  )
}

function listScheduleFacts(schedule: ScheduleView): Fact[] {
  const { notebook, run, cron, timezone = 'UTC', keep, overlap, variables = [] } = schedule
  return [
    { label: notebook ? 'Notebook' : 'Command', value: <code>{describeWhat(schedule)}</code> },
    ...Object.entries(notebook?.parameters ?? {}).map(([name, value]) => ({
      label: `Parameter ${name}`,
      value: <code>{JSON.stringify(value)}</code>,
    })),
    { label: 'Folder of results', value: notebook?.output && <code>{notebook.output}</code> },
    { label: 'Line of cron', value: <code>{cron}</code> },
    { label: 'Time zone', value: timezone },
    { label: 'Profile', value: run?.profile },
    { label: 'Variables', value: variables.length > 0 ? <code>{variables.join(', ')}</code> : undefined },
    { label: 'Runs again after a failure', value: run?.retries ? `${run.retries} times at most` : 'No' },
    { label: 'Results that are kept', value: notebook && keep },
    {
      label: 'When the last one still runs',
      value: overlap === 'allow' ? 'It runs beside it' : 'It is left out',
    },
  ]
}
