import type { JobQuery } from '@atrium/contract/jobs-api.ts'

import { JobTable } from '#pages/jobs/job-table.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { SearchField } from '#ui/search-field.tsx'

import { JobsHeader } from './jobs-header.tsx'
import { useListFilters } from './use-list-filters.ts'

type StateFilter = NonNullable<JobQuery['state']>

const states: readonly { value: StateFilter; label: string }[] = [
  { value: 'active', label: 'Not ended' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'ended', label: 'Ended' },
  { value: 'all', label: 'All' },
]

/** Everybody's jobs, by user and state; the filters stand in the URL. */
export function JobsPage() {
  const filters = useListFilters()
  const state = states.find(({ value }) => value === filters.state)?.value ?? 'active'
  const { user } = filters
  return (
    <>
      <JobsHeader
        tab="All jobs"
        description="Everything that runs for somebody: servers, and whatever they start."
      />
      <search className="row">
        <SearchField label="Owner" placeholder="Username, in full" value={user} onSearch={filters.putUser} />
        <InlineSelect
          label="State"
          value={state}
          options={states}
          onChange={(value) => filters.putState(value)}
        />
      </search>
      <section className="card" aria-label="Jobs">
        <JobTable
          query={{ state, ...(user && { user }) }}
          showsUser
          pageSize={50}
          empty={
            <EmptyState icon="jobs" title={state === 'active' ? 'Nothing runs' : 'No job fits'}>
              {user
                ? `No such job of ${user}. Names must be given in full.`
                : 'Jobs show here from the first second.'}
            </EmptyState>
          }
        />
      </section>
    </>
  )
}
