import type { ClusterDetail, ClusterWorker } from '@atrium/contract/clusters-api.ts'
import { useState } from 'react'

import { formatBytes } from '#ui/amounts.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Pager } from '#ui/pager.tsx'
import { Table } from '#ui/table.tsx'
import { formatDuration } from '#ui/time.tsx'

import { WorkerStateBadge } from './cluster-words.tsx'

const pageSize = 25

type Filter = 'present' | 'running' | 'waiting' | 'ended'

const filters: readonly { value: Filter; label: string; states: readonly ClusterWorker['state'][] }[] = [
  { value: 'present', label: 'Present', states: ['waiting', 'starting', 'running', 'closing'] },
  { value: 'running', label: 'Running', states: ['running'] },
  { value: 'waiting', label: 'Waiting and starting', states: ['waiting', 'starting'] },
  { value: 'ended', label: 'Ended', states: ['ended'] },
]

interface ClusterWorkersProps {
  cluster: ClusterDetail
  onShowLog: (worker: string) => void
}

/** A cluster's workers, page by page, with the way to their logs. */
export function ClusterWorkers({ cluster, onShowLog }: ClusterWorkersProps) {
  const isOver = cluster.state === 'stopped' || cluster.state === 'failed'
  const [filter, setFilter] = useState<Filter>(isOver ? 'ended' : 'present')
  const [offset, setOffset] = useState(0)
  const states = filters.find(({ value }) => value === filter)?.states
  const workers = cluster.workerList.filter(({ state }) => states?.includes(state))
  // Workers leave while one reads: never a page behind the last.
  const start = Math.min(offset, Math.max(0, Math.ceil(workers.length / pageSize) - 1) * pageSize)
  return (
    <Card
      title="Workers"
      actions={
        <InlineSelect
          label="State"
          value={filter}
          options={filters}
          onChange={(value) => {
            setFilter(value as Filter)
            setOffset(0)
          }}
        />
      }
      flush
    >
      <WorkerTable workers={workers.slice(start, start + pageSize)} onShowLog={onShowLog} />
      <Pager offset={start} limit={pageSize} total={workers.length} onMove={setOffset} />
    </Card>
  )
}

interface WorkerTableProps {
  workers: readonly ClusterWorker[]
  onShowLog: (worker: string) => void
}

function WorkerTable({ workers, onShowLog }: WorkerTableProps) {
  return (
    <Table
      label="Workers"
      rows={workers}
      rowKey={({ name }) => name}
      empty={
        <EmptyState icon="node" title="No worker here">
          Scale the cluster, and its workers show from the moment they are asked for.
        </EmptyState>
      }
      columns={[
        { label: 'Worker', cell: ({ name }) => <span className="mono">{name}</span> },
        { label: 'State', cell: ({ state }) => <WorkerStateBadge state={state} /> },
        { label: 'Node', cell: ({ node }) => node },
        { label: 'Memory', cell: ({ memoryBytes }) => memoryBytes && formatBytes(memoryBytes) },
        {
          label: 'CPU time',
          secondary: true,
          cell: ({ cpuSeconds }) => cpuSeconds && formatDuration(cpuSeconds * 1000),
        },
        { label: 'Reason', cell: ({ message }) => message },
        {
          label: '',
          srLabel: 'Actions',
          align: 'end',
          cell: ({ name }) => (
            <Button size="s" variant="quiet" onClick={() => onShowLog(name)}>
              Log<span className="visually-hidden"> of {name}</span>
            </Button>
          ),
        },
      ]}
    />
  )
}
