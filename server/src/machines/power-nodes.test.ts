import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createSilentLogger } from '#platform/log.ts'

import { combinePools } from './machine-pools.ts'
import type { MachineOutcome, MachineProvider } from './machine-provider.ts'
import { cleanFailedNodes, resumeNodes, suspendNodes, sweepMachines } from './power-nodes.ts'
import { type NodeAddress, parsePoweredNodes, type SlurmController } from './slurm-controller.ts'

/** Remembers what slurmctld was told. */
function createSlurm(trouble: { addresses?: Error } = {}) {
  const addresses: NodeAddress[] = []
  const down: [string, string][] = []
  const available: string[] = []
  const poweredDown: string[] = []
  const slurm: SlurmController = {
    clusterName: async () => 'tests',
    async setAddresses(nodes) {
      if (trouble.addresses !== undefined) throw trouble.addresses
      addresses.push(...nodes)
    },
    async setDown(nodes, reason) {
      for (const node of nodes) down.push([node, reason])
    },
    listPoweredDown: async (nodes) => nodes.filter((node) => poweredDown.includes(node)),
    async setAvailable(nodes) {
      available.push(...nodes)
    },
  }
  return { slurm, addresses, down, available, poweredDown }
}

/** Answers as told for each node, and remembers what it was asked. */
function createMachines(outcomes: Record<string, MachineOutcome>) {
  const asked: string[] = []
  const answer = (verb: string) => async (nodes: readonly string[]) => {
    asked.push(...nodes.map((node) => `${verb} ${node}`))
    return new Map(nodes.map((node): [string, MachineOutcome] => [node, outcomes[node] ?? { ok: true }]))
  }
  return { asked, provider: { start: answer('start'), stop: answer('stop') } satisfies MachineProvider }
}

const context = (machines: MachineProvider, slurm: SlurmController) => ({
  machines,
  slurm,
  log: createSilentLogger(),
  signal: new AbortController().signal,
})

test('tells slurmctld where the machines are, and what they call themselves', async () => {
  const { provider } = createMachines({
    c1: { ok: true, address: '10.0.0.7', hostname: 'ip-10-0-0-7' },
    c2: { ok: true, address: '10.0.0.8' },
    c3: { ok: true },
  })
  const { slurm, addresses, down } = createSlurm()
  assert.equal(await resumeNodes(context(provider, slurm), ['c1', 'c2', 'c3']), true)
  assert.deepEqual(addresses, [
    { node: 'c1', address: '10.0.0.7', hostname: 'ip-10-0-0-7' },
    { node: 'c2', address: '10.0.0.8', hostname: 'c2' },
  ])
  assert.deepEqual(down, [])
})

test('gives up nodes without a machine at once, each with its reason, and goes on with the others', async () => {
  const { provider } = createMachines({
    c1: { ok: false, reason: 'no capacity' },
    c2: { ok: true, address: '10.0.0.8' },
    c3: { ok: false, reason: 'no capacity' },
  })
  const { slurm, addresses, down } = createSlurm()
  assert.equal(await resumeNodes(context(provider, slurm), ['c1', 'c2', 'c3', 'x9']), false)
  assert.deepEqual(
    addresses.map(({ node }) => node),
    ['c2'],
  )
  assert.deepEqual(down, [
    ['c1', 'Atrium: no machine: no capacity'],
    ['c3', 'Atrium: no machine: no capacity'],
  ])
})

test('says so when slurmctld was not told where the machines are', async () => {
  const { provider } = createMachines({ c1: { ok: true, address: '10.0.0.7' } })
  const { slurm } = createSlurm({ addresses: new Error('not reachable') })
  assert.equal(await resumeNodes(context(provider, slurm), ['c1']), false)
})

test('removes machines of nodes that are not needed', async () => {
  const { provider, asked } = createMachines({ c2: { ok: false, reason: 'denied' } })
  const { slurm, down, available } = createSlurm()
  assert.equal(await suspendNodes(context(provider, slurm), ['c1', 'c2']), false)
  assert.deepEqual([asked, down, available], [['stop c1', 'stop c2'], [], []])
})

test('nodes that never answered may be wanted again once their machines are removed', async () => {
  const { provider, asked } = createMachines({ c2: { ok: false, reason: 'denied' } })
  const { slurm, available } = createSlurm()
  assert.equal(await cleanFailedNodes(context(provider, slurm), ['c1', 'c2']), false)
  assert.deepEqual([asked, available], [['stop c1', 'stop c2'], ['c1']])
})

test('sweeps away machines of nodes that Slurm counts as switched off, and no others', async () => {
  const { provider, asked } = createMachines({})
  const list = async (nodes: readonly string[]) => nodes.filter((node) => node !== 'c3')
  const { slurm, poweredDown } = createSlurm()
  poweredDown.push('c2', 'c3')
  assert.equal(await sweepMachines(context({ ...provider, list }, slurm), ['c1', 'c2', 'c3']), true)
  assert.deepEqual(asked, ['stop c2'])
})

test('leaves machines alone that their provider cannot list', async () => {
  const { provider, asked } = createMachines({})
  const { slurm, poweredDown } = createSlurm()
  poweredDown.push('c1')
  const machines = combinePools([{ nodes: new Set(['c1']), provider }])
  assert.equal(await sweepMachines(context(machines, slurm), ['c1']), true)
  assert.deepEqual(asked, [])
})

test('knows which nodes are on, and sweeps nothing when Slurm shows none', () => {
  const line = (name: string, state: string) =>
    `NodeName=${name} CoresPerSocket=2 CPUAlloc=0 Gres=(null) State=${state} ThreadsPerCore=1`
  const states = {
    c1: 'IDLE+CLOUD+POWERED_DOWN',
    c2: 'MIXED+CLOUD+NOT_RESPONDING+POWERING_UP',
    c3: 'DOWN+CLOUD+POWERED_DOWN+NOT_RESPONDING',
    c4: 'IDLE+CLOUD+POWERING_DOWN',
    n1: 'IDLE',
  }
  const text = Object.entries(states)
    .map(([name, state]) => line(name, state))
    .join('\n')
  assert.deepEqual([...parsePoweredNodes(text)], ['c2', 'c4', 'n1'])
  assert.throws(() => parsePoweredNodes('No nodes in the system\n'), /PrivateData=cloud/)
})

test('asks the pool that has the node; a pool that breaks down does not harm another', async () => {
  const [first, second] = [createMachines({}), createMachines({})]
  const broken: MachineProvider = {
    start: () => Promise.reject(new Error('no credentials')),
    stop: () => Promise.reject(new Error('no credentials')),
  }
  const machines = combinePools([
    { nodes: new Set(['c1']), provider: first.provider },
    { nodes: new Set(['c1', 'c2']), provider: second.provider },
    { nodes: new Set(['c3']), provider: broken },
  ])
  const outcomes = await machines.start(['c1', 'c2', 'c3', 'c4'], { signal: new AbortController().signal })
  assert.deepEqual([first.asked, second.asked], [['start c1'], ['start c2']])
  assert.deepEqual(Object.fromEntries(outcomes), {
    c1: { ok: true },
    c2: { ok: true },
    c3: { ok: false, reason: 'no credentials' },
    c4: { ok: false, reason: 'no pool of scheduler.slurm.cloud has this node' },
  })
})
