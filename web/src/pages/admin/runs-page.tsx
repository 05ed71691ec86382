import { runFilters } from '#pages/compute/run-filters.ts'
import { RunTable } from '#pages/compute/run-table.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { SearchField } from '#ui/search-field.tsx'

import { JobsHeader } from './jobs-header.tsx'
import { useListFilters } from './use-list-filters.ts'

/** Everybody's runs, by user and state; the filters stand in the URL. */
export function AdminRunsPage() {
  const filters = useListFilters()
  const state = runFilters.find(({ value }) => value === filters.state)?.value ?? 'all'
  const { user } = filters
  return (
    <>
      <JobsHeader tab="Runs" description="Everybody's programs beside their servers, newest first." />
      <search className="row">
        <SearchField label="Owner" placeholder="Username, in full" value={user} onSearch={filters.putUser} />
        <InlineSelect label="State" value={state} options={runFilters} onChange={filters.putState} />
      </search>
      <section className="card" aria-label="Runs">
        <RunTable
          query={{ state, ...(user && { user }) }}
          kind="everybody"
          empty={
            <EmptyState icon="play" title="No run fits">
              {user
                ? `No such run of ${user}. Names must be given in full.`
                : 'Nobody ran such a program yet.'}
            </EmptyState>
          }
        />
      </section>
    </>
  )
}
