import { useQuery } from '@tanstack/react-query'

import { clustersQuery } from '#api/clusters.ts'
import { messageOf } from '#api/http.ts'
import { type ClusterFilter, clusterFilters } from '#pages/compute/cluster-filters.ts'
import { ClusterTable } from '#pages/compute/cluster-table.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Notice } from '#ui/notice.tsx'
import { SearchField } from '#ui/search-field.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { JobsHeader } from './jobs-header.tsx'
import { useListFilters } from './use-list-filters.ts'

/** Everybody's Dask clusters, by user and state; the filters stand in the URL. */
export function AdminClustersPage() {
  const filters = useListFilters()
  const state = clusterFilters.find(({ value }) => value === filters.state)?.value ?? 'active'
  const { user } = filters
  const { data, error } = useQuery(clustersQuery({ state, ...(user && { user }) }))
  return (
    <>
      <JobsHeader
        tab="Clusters"
        description="Everybody's Dask clusters: who has them, how large, and what they cost."
      />
      <search className="row">
        <SearchField label="Owner" placeholder="Username, in full" value={user} onSearch={filters.putUser} />
        <InlineSelect
          label="State"
          value={state}
          options={clusterFilters}
          onChange={(value) => filters.putState(value as ClusterFilter)}
        />
      </search>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Dask clusters">
        {data ? (
          <ClusterTable
            clusters={data.clusters}
            currency={data.currency}
            showsUser
            empty={
              <EmptyState icon="compute" title="No cluster fits">
                {user
                  ? `No such cluster of ${user}. Names must be given in full.`
                  : 'Clusters show here as soon as somebody makes one.'}
              </EmptyState>
            }
          />
        ) : (
          !error && <Skeleton lines={4} label="Loading clusters" />
        )}
      </section>
    </>
  )
}
