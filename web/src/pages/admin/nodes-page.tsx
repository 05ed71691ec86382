import type { NodeView } from '@atrium/contract/nodes-api.ts'
import { useQuery } from '@tanstack/react-query'

import { messageOf } from '#api/http.ts'
import { nodesQuery } from '#api/jobs.ts'
import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import { Badge, type Tone } from '#ui/badge.tsx'
import { Card } from '#ui/card.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Meter } from '#ui/meter.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { PoolTable } from './pool-table.tsx'
import './nodes-page.css'

const stateWords: Record<NodeView['state'], [string, Tone]> = {
  up: ['Up', 'good'],
  down: ['Down', 'bad'],
  draining: ['Draining', 'warn'],
  unknown: ['Unknown', 'warn'],
}

/** The machines that run jobs, and how full they are. */
export function NodesPage() {
  const { data, error } = useQuery(nodesQuery)
  return (
    <>
      <PageHeader title="Nodes" description="The machines that run jobs, and how full they are." />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {!data && !error && <Skeleton lines={5} />}
      {data?.nodes.length === 0 && (
        <EmptyState icon="node" title="No nodes">
          The scheduler reports no machine now. Where none of the pools can grow, look at its own state first.
        </EmptyState>
      )}
      <div className="node-grid">
        {data?.nodes.map((node) => (
          <NodeCard key={node.name} node={node} />
        ))}
      </div>
      {data && data.pools.length > 0 && <PoolTable pools={data.pools} />}
      {data?.notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
    </>
  )
}

function NodeCard({ node }: { node: NodeView }) {
  const [word, tone] = stateWords[node.state]
  return (
    <Card
      title={
        <span className="row">
          {node.name}
          <Badge tone={tone} dot="still">
            {word}
          </Badge>
        </span>
      }
      description={`Pool ${node.pool} · ${formatCount(node.jobs, 'job')}`}
    >
      <div className="stack">
        <Meter label="Processors" used={node.cpuUsed} limit={node.cpu} format={formatCores} />
        <Meter label="Memory" used={node.memoryUsedBytes} limit={node.memoryBytes} format={formatBytes} />
        {node.gpu > 0 && (
          <Meter
            label="GPUs"
            used={node.gpuUsed}
            limit={node.gpu}
            format={(count) => formatCount(count, 'GPU')}
          />
        )}
      </div>
    </Card>
  )
}
