import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { clustersQuery } from '#api/clusters.ts'
import { messageOf } from '#api/http.ts'
import { signedInUser } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { type ClusterFilter, clusterFilters } from './cluster-filters.ts'
import { ClusterTable } from './cluster-table.tsx'
import { ComputeHeader } from './compute-header.tsx'
import { ClusterGuide } from './first-cluster.tsx'
import './compute.css'

/** A person's Dask clusters. */
export function ClustersPage() {
  const [state, setState] = useState<ClusterFilter>('active')
  const [isAsking, setAsking] = useState(false)
  const { data, error } = useQuery(clustersQuery({ user: signedInUser().name, state }))
  const hasSome = data && (data.clusters.length > 0 || state !== 'active')
  return (
    <>
      <ComputeHeader
        tab="Clusters"
        description="Dask clusters: one computation, spread over many processes and machines."
        actions={hasSome && <Button onClick={() => setAsking(true)}>How to make one</Button>}
      />
      <div className="row">
        <InlineSelect
          label="State"
          value={state}
          options={clusterFilters}
          onChange={(value) => setState(value as ClusterFilter)}
        />
      </div>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Dask clusters">
        {data ? (
          <ClusterTable
            clusters={data.clusters}
            currency={data.currency}
            empty={state === 'active' ? <FirstCluster /> : <NoCluster />}
          />
        ) : (
          !error && <Skeleton lines={4} label="Loading clusters" />
        )}
      </section>
      {isAsking && (
        <Dialog title="Make a cluster" onClose={() => setAsking(false)}>
          <div className="dialog-body">
            <ClusterGuide />
          </div>
        </Dialog>
      )}
    </>
  )
}

function FirstCluster() {
  return (
    <div className="starter">
      <h2>No cluster runs</h2>
      <ClusterGuide />
    </div>
  )
}

function NoCluster() {
  return (
    <EmptyState icon="compute" title="No cluster here">
      Clusters that ended stay in this list, with how they ended and what they used.
    </EmptyState>
  )
}
