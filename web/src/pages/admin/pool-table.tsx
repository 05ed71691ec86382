import type { NodeList } from '@atrium/contract/nodes-api.ts'

import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import { Badge } from '#ui/badge.tsx'
import { type Column, Table } from '#ui/table.tsx'

type Pool = NodeList['pools'][number]

/** Pools of nodes, those without a node too: what there is, what could be added, and what is kept ready. */
export function PoolTable({ pools }: { pools: readonly Pool[] }) {
  return <Table label="Pools" columns={columns} rows={pools} rowKey={({ name }) => name} empty={null} />
}

const columns: readonly Column<Pool>[] = [
  {
    label: 'Pool',
    cell: ({ name, spot }) => (
      <span className="row">
        {name}
        {spot && <Badge tone="warn">Spot</Badge>}
      </span>
    ),
  },
  { label: 'Nodes', cell: describeSize },
  { label: 'One node', cell: describeMachine, secondary: true },
  {
    label: 'Warm seats',
    cell: ({ seats }) => (seats === undefined ? '–' : `${seats.ready} of ${seats.wanted}`),
    secondary: true,
  },
]

function describeSize({ nodes, maximum, canGrowBy }: Pool): string {
  const now = nodes === undefined ? 'not known' : String(nodes)
  if (canGrowBy > 0) return `${now}, can grow by ${formatCount(canGrowBy, 'node')}`
  return maximum === undefined ? now : `${now} of ${maximum}`
}

function describeMachine({ machine }: Pool): string {
  if (machine === undefined) return '–'
  const { cpu, memoryBytes, gpu } = machine
  const gpus = gpu === 0 ? [] : [formatCount(gpu, 'GPU')]
  return [formatCores(cpu), formatBytes(memoryBytes), ...gpus].join(', ')
}
