import type { ClusterView } from '@atrium/contract/clusters-api.ts'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

import { formatCost, formatHours } from '#pages/usage/usage-amounts.ts'
import { paths } from '#paths.ts'
import { type Column, Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { ClusterActions } from './cluster-actions.tsx'
import { ClusterStateBadge, describeWorker, shortNameOf, WorkerCount } from './cluster-words.tsx'
import { OwnerName } from './owner-name.tsx'
import './compute.css'

interface ClusterTableProps {
  clusters: readonly ClusterView[]
  currency: string | undefined
  /** With a column for the owner. */
  showsUser?: boolean
  empty: ReactNode
}

/** Dask clusters with what one does most with them. */
export function ClusterTable({ clusters, currency, showsUser = false, empty }: ClusterTableProps) {
  const owner: Column<ClusterView> = { label: 'User', cell: ({ user }) => <OwnerName user={user} /> }
  return (
    <Table
      label="Dask clusters"
      rows={clusters}
      rowKey={({ name }) => name}
      empty={empty}
      columns={[
        { label: 'Cluster', cell: (cluster) => <ClusterName cluster={cluster} /> },
        ...(showsUser ? [owner] : []),
        { label: 'State', cell: (cluster) => <ClusterState cluster={cluster} /> },
        { label: 'Workers', cell: (cluster) => <WorkerCount cluster={cluster} /> },
        { label: 'Each worker', secondary: true, cell: ({ worker }) => describeWorker(worker) },
        {
          label: currency === undefined ? 'Core hours' : 'Cost',
          secondary: true,
          cell: ({ use }) => <span className="nowrap">{describeUse(use, currency)}</span>,
        },
        { label: 'Started', secondary: true, cell: ({ createdAtMs }) => <RelativeTime atMs={createdAtMs} /> },
        {
          label: '',
          srLabel: 'Actions',
          align: 'end',
          cell: (cluster) => <ClusterActions cluster={cluster} place="row" />,
        },
      ]}
    />
  )
}

function describeUse({ coreHours, cost }: ClusterView['use'], currency: string | undefined): string {
  return currency !== undefined && cost !== undefined ? formatCost(cost, currency) : formatHours(coreHours)
}

function ClusterName({ cluster }: { cluster: ClusterView }) {
  return (
    <Link className="mono" to={paths.cluster(cluster.name)} title={cluster.name}>
      {shortNameOf(cluster)}
    </Link>
  )
}

/** The state, and what it waits for or how it ended. */
function ClusterState({ cluster: { state, message } }: { cluster: ClusterView }) {
  return (
    <div>
      <ClusterStateBadge state={state} />
      {message && (
        <p className="muted cell-note" title={message}>
          {message}
        </p>
      )}
    </div>
  )
}
