import { useQuery } from '@tanstack/react-query'

import { messageOf } from '#api/http.ts'
import { schedulesQuery } from '#api/schedules.ts'
import { ScheduleTable } from '#pages/compute/schedule-table.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { SearchField } from '#ui/search-field.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { JobsHeader } from './jobs-header.tsx'
import { useListFilters } from './use-list-filters.ts'

/** What runs by the clock for everybody; whose stands in the URL. */
export function AdminSchedulesPage() {
  const { user, putUser } = useListFilters()
  const { data, error } = useQuery(schedulesQuery(user || undefined))
  return (
    <>
      <JobsHeader tab="Schedules" description="What runs by the clock for everybody." />
      <search className="row">
        <SearchField label="Owner" placeholder="Username, in full" value={user} onSearch={putUser} />
      </search>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Schedules">
        {data ? (
          <ScheduleTable
            schedules={data.schedules}
            showsUser
            empty={
              <EmptyState icon="calendar" title="No schedule fits">
                {user ? `${user} has none.` : 'Nobody has anything run by the clock.'}
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
