import type { ScheduleView } from '@atrium/contract/runs-api.ts'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

import { paths } from '#paths.ts'
import { type Column, Table } from '#ui/table.tsx'
import { formatAbsolute, RelativeTime } from '#ui/time.tsx'

import { OwnerName } from './owner-name.tsx'
import { RunStateBadge } from './run-words.tsx'
import { ScheduleMenu } from './schedule-actions.tsx'
import { ScheduleSwitch } from './schedule-switch.tsx'
import { describeTimes, describeWhat } from './schedule-words.ts'
import './compute.css'

interface ScheduleTableProps {
  schedules: readonly ScheduleView[]
  showsUser?: boolean
  empty: ReactNode
}

/** What runs by the clock, with when next and how it went last. */
export function ScheduleTable({ schedules, showsUser = false, empty }: ScheduleTableProps) {
  const owner: Column<ScheduleView> = { label: 'User', cell: ({ user }) => <OwnerName user={user} /> }
  return (
    <Table
      label="Schedules"
      rows={schedules}
      rowKey={({ id }) => String(id)}
      empty={empty}
      columns={[
        { label: 'Schedule', cell: (schedule) => <ScheduleName schedule={schedule} /> },
        ...(showsUser ? [owner] : []),
        { label: 'When', cell: describeTimes },
        { label: 'Next', cell: (schedule) => <NextTime schedule={schedule} /> },
        { label: 'Last', secondary: true, cell: (schedule) => <LastRun schedule={schedule} /> },
        { label: 'Enabled', cell: (schedule) => <ScheduleSwitch schedule={schedule} /> },
        {
          label: '',
          srLabel: 'Actions',
          align: 'end',
          cell: (schedule) => <ScheduleMenu schedule={schedule} />,
        },
      ]}
    />
  )
}

function ScheduleName({ schedule }: { schedule: ScheduleView }) {
  return (
    <div className="run-name">
      <Link to={paths.schedule(schedule.id)}>{schedule.name}</Link>
      <p className="muted cell-line mono">{describeWhat(schedule)}</p>
    </div>
  )
}

/** In the person's own time zone. */
export function NextTime({ schedule: { nextAtMs, enabled } }: { schedule: ScheduleView }) {
  if (enabled === false) return <span className="muted">Not enabled</span>
  if (nextAtMs === undefined) return <span className="muted">Never again</span>
  return (
    <div>
      <RelativeTime atMs={nextAtMs} />
      <p className="muted cell-note">{formatAbsolute(nextAtMs)}</p>
    </div>
  )
}

function LastRun({ schedule: { lastRun, lastMessage } }: { schedule: ScheduleView }) {
  if (lastMessage) return <p className="cell-note">Nothing was run: {lastMessage}</p>
  if (!lastRun) return <span className="muted">Did not run yet</span>
  return (
    <Link className="plain-link" to={paths.run(lastRun.id)}>
      <RunStateBadge state={lastRun.state} /> <RelativeTime atMs={lastRun.createdAtMs} />
    </Link>
  )
}
