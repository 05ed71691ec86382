import type { NodeList, NodeView } from '@atrium/contract/nodes-api.ts'
import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { type Column, print, renderTable } from '#output.ts'
import { withConnection } from './options.ts'

type Pool = NodeList['pools'][number]

/** `nodes`: the machines that run jobs, and the pools they are of. */
export function addNodesCommand(program: Command): void {
  withConnection(program.command('nodes'))
    .description('show the machines that run jobs with their load, and pools of them, empty ones too')
    .action(async (options: ConnectionOptions) => {
      const client = await connect(options)
      print(await client.call<NodeList>('GET', '/api/v1/nodes'), options, renderNodes)
    })
}

function renderNodes({ nodes, pools, notes }: NodeList): string {
  return [
    renderTable(nodes, nodeColumns, 'There are no nodes now.'),
    '',
    renderTable(pools, poolColumns, 'There are no pools.'),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ].join('\n')
}

const gibibyte = 2 ** 30

const nodeColumns: readonly Column<NodeView>[] = [
  { heading: 'NODE', cell: ({ name }) => name },
  { heading: 'POOL', cell: ({ pool }) => pool },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'CORES', cell: ({ cpuUsed, cpu }) => `${round(cpuUsed)}/${round(cpu)}` },
  {
    heading: 'MEMORY',
    cell: ({ memoryUsedBytes, memoryBytes }) =>
      `${round(memoryUsedBytes / gibibyte)}/${round(memoryBytes / gibibyte)}G`,
  },
  { heading: 'GPUS', cell: ({ gpuUsed, gpu }) => (gpu === 0 ? '-' : `${gpuUsed}/${gpu}`) },
  { heading: 'JOBS', cell: ({ jobs }) => String(jobs) },
]

const poolColumns: readonly Column<Pool>[] = [
  { heading: 'POOL', cell: ({ name }) => name },
  {
    heading: 'NODES',
    cell: ({ nodes, maximum }) => `${nodes ?? '-'}${maximum === undefined ? '' : `/${maximum}`}`,
  },
  { heading: 'CAN GROW BY', cell: ({ canGrowBy }) => String(canGrowBy) },
  {
    heading: 'OF',
    cell: ({ machine }) =>
      machine === undefined
        ? '-'
        : `${round(machine.cpu)} cores, ${round(machine.memoryBytes / gibibyte)}G${machine.gpu === 0 ? '' : `, ${machine.gpu} GPUs`}`,
  },
  {
    heading: 'WARM SEATS',
    cell: ({ seats }) => (seats === undefined ? '-' : `${seats.ready}/${seats.wanted}`),
  },
  { heading: 'SPOT', cell: ({ spot }) => (spot === true ? 'yes' : '-') },
]

function round(amount: number): string {
  return String(Math.round(amount * 10) / 10)
}
