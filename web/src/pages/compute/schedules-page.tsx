import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { messageOf } from '#api/http.ts'
import { schedulesQuery } from '#api/schedules.ts'
import { signedInUser } from '#page-data.ts'
import { paths } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Icon } from '#ui/icon.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { ComputeHeader } from './compute-header.tsx'
import { ScheduleTable } from './schedule-table.tsx'

/** What a person has run by the clock. */
export function SchedulesPage() {
  const { data, error } = useQuery(schedulesQuery(signedInUser().name))
  const create = (
    <Link className={buttonClass({ variant: 'primary' })} to={paths.newSchedule()}>
      <Icon name="plus" />
      <span>New schedule</span>
    </Link>
  )
  return (
    <>
      <ComputeHeader
        tab="Schedules"
        description="Notebooks and programs that run by the clock, whether you are here or not."
        actions={create}
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Schedules">
        {data ? (
          <ScheduleTable
            schedules={data.schedules}
            empty={
              <EmptyState icon="calendar" title="Nothing runs by the clock" actions={create}>
                A notebook every morning, a report each Monday: name it, say when, and find each result in
                your files.
              </EmptyState>
            }
          />
        ) : (
          !error && <Skeleton lines={4} label="Loading schedules" />
        )}
      </section>
    </>
  )
}
