import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildCapacity } from './capacity.ts'
import { parseNodes } from './slurm-parse.ts'

/** As `sinfo --json` of Slurm 22.05 tells it, shortened. */
function node(name: string, partitions: readonly string[], state: string, ...flags: readonly string[]) {
  return {
    name,
    partitions,
    state,
    state_flags: flags,
    cpus: 2,
    alloc_cpus: 0,
    real_memory: 4000,
    alloc_memory: 0,
  }
}

function capacityOf(...nodes: readonly object[]) {
  return buildCapacity(parseNodes({ nodes }))
}

test('nodes that Slurm has switched off are what their partitions can grow by', () => {
  const { nodes, pools } = capacityOf(
    node('c1', ['cloud'], 'idle', 'CLOUD', 'POWERED_DOWN'),
    node('c2', ['cloud', 'all'], 'idle', 'CLOUD', 'POWERED_DOWN'),
    node('c3', ['cloud'], 'allocated', 'CLOUD', 'POWERING_UP'),
    node('n1', ['main', 'all'], 'idle'),
  )
  assert.deepEqual(
    nodes.map(({ name, state }) => `${name} ${state}`),
    ['c3 up', 'n1 up'],
  )
  assert.deepEqual(pools, [
    { name: 'all', canGrowBy: 1 },
    { name: 'cloud', canGrowBy: 2 },
    { name: 'main', canGrowBy: 0 },
  ])
})

test('a node that is switched off and out of order is no growth, and shown as what it is', () => {
  const { nodes, pools } = capacityOf(
    node('c1', ['cloud'], 'down', 'CLOUD', 'POWERED_DOWN'),
    node('c2', ['cloud'], 'idle', 'CLOUD', 'DRAIN', 'POWERED_DOWN', 'NOT_RESPONDING'),
    node('c3', ['cloud'], 'idle', 'CLOUD', 'POWERED_DOWN', 'NOT_RESPONDING'),
  )
  assert.deepEqual(
    nodes.map(({ name, state }) => `${name} ${state}`),
    ['c1 down', 'c2 down'],
  )
  assert.deepEqual(pools, [{ name: 'cloud', canGrowBy: 1 }])
})

test('a node that is kept free for a job is up', () => {
  const { nodes } = capacityOf(node('n1', ['main'], 'idle', 'PLANNED'), node('n2', ['main'], 'idle', 'DRAIN'))
  assert.deepEqual(
    nodes.map(({ state }) => state),
    ['up', 'draining'],
  )
})
