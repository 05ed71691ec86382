import type { JobQuery } from '@atrium/contract/jobs-api.ts'
import { useCallback } from 'react'
import { useSearchParams } from 'react-router'

import { JobTable } from '#pages/jobs/job-table.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { SearchField } from '#ui/search-field.tsx'

type StateFilter = NonNullable<JobQuery['state']>

const states: readonly { value: StateFilter; label: string }[] = [
  { value: 'active', label: 'Not ended' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'ended', label: 'Ended' },
  { value: 'all', label: 'All' },
]

/** Everybody's jobs, by user and state; the filters stand in the URL. */
export function JobsPage() {
  const [search, setSearch] = useSearchParams()
  const state = states.find(({ value }) => value === search.get('state'))?.value ?? 'active'
  const user = search.get('user') ?? ''
  const put = useCallback(
    (name: string, value: string) =>
      setSearch(
        (current) => {
          const next = new URLSearchParams(current)
          if (value) next.set(name, value)
          else next.delete(name)
          return next
        },
        { replace: true },
      ),
    [setSearch],
  )
  const putUser = useCallback((name: string) => put('user', name), [put])
  return (
    <>
      <PageHeader
        title="Jobs"
        description="Everything that runs for somebody: servers, and whatever they start."
      />
      <search className="row">
        <SearchField label="Owner" placeholder="Username, in full" value={user} onSearch={putUser} />
        <InlineSelect
          label="State"
          value={state}
          options={states}
          onChange={(value) => put('state', value)}
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
