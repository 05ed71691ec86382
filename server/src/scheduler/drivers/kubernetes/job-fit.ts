import type { V1Node, V1Pod } from '@kubernetes/client-node'

import type { NodePoolPlace, PoolMachine } from './kubernetes-config.ts'
import { findPool, hasLabels, type NodePools, runsJobs } from './node-pools.ts'
import { type Amounts, fitsInto, isGpu, readAllocatable, sumRequests } from './pod-amounts.ts'

export interface FitView {
  /** Undefined: they cannot be seen. */
  nodes: Iterable<V1Node> | undefined
  pools: NodePools
  /** What `gpu` counts here, unless it has a name that is known. */
  gpuResource?: string
}

/** Why no node of any state could ever take a pod. */
export interface Misfit {
  /** A sentence. */
  text: string
  /** Whether that can be told for sure: nothing that anybody declared or that is there could take it. */
  isFinal: boolean
}

/**
 * Whether there is no node, and none that could be added, on which this pod fits even when nothing else runs there. Undefined: one may. Only
 * amounts and the node's labels are looked at: they do not change by waiting. `pool`: what the job asked for by name.
 */
export function findMisfit(pod: V1Pod, pool: string | undefined, view: FitView): Misfit | undefined {
  const wanted = sumRequests(pod)
  const machines = listMachines(pool, view.pools)
  if (machines === undefined || view.nodes === undefined) return undefined
  const members = listMembers(pod, pool, view.nodes, view.pools)
  const shapes = [
    ...members.map(readAllocatable),
    ...machines.map((machine) => buildShape(machine, wanted, view.gpuResource)),
  ]
  if (shapes.length === 0 || shapes.some((shape) => fitsInto(wanted, shape))) return undefined
  const where = pool === undefined ? 'the cluster' : `pool ${pool}`
  return {
    isFinal: pool !== undefined && isComplete(view.pools[pool], members.length),
    text: describeMisfit(wanted, shapes, where),
  }
}

/** Nodes that could be added; undefined when nobody said what they are. */
function listMachines(pool: string | undefined, pools: NodePools): readonly PoolMachine[] | undefined {
  const declared = pool === undefined ? Object.values(pools) : [pools[pool]].flatMap((found) => found ?? [])
  if (declared.some(({ maximum, machine }) => maximum !== undefined && machine === undefined))
    return undefined
  return declared.flatMap(({ machine }) => machine ?? [])
}

function listMembers(
  { spec }: V1Pod,
  pool: string | undefined,
  nodes: Iterable<V1Node>,
  pools: NodePools,
): readonly V1Node[] {
  const wanted = spec?.nodeSelector ?? {}
  return [...nodes].filter(
    (node) =>
      runsJobs(node, pools) &&
      hasLabels(node.metadata?.labels ?? {}, wanted) &&
      (pool === undefined || findPool(node, pools) === pool),
  )
}

/** Of what nobody said how much a node will have, there is enough. */
function buildShape({ cpu, memoryBytes, gpu }: PoolMachine, wanted: Amounts, gpuResource?: string): Amounts {
  const others = Object.keys(wanted).map(
    (name) => [name, isGpu(name, gpuResource) ? gpu : Number.POSITIVE_INFINITY] as const,
  )
  return { ...Object.fromEntries(others), cpu, memory: memoryBytes }
}

/** Whether all is known of what a pool's nodes are: one that is away may be another than those that are there. */
function isComplete(pool: NodePoolPlace | undefined, members: number): boolean {
  if (pool === undefined) return false
  return pool.machine !== undefined || (pool.nodes !== undefined && members >= pool.nodes)
}

function describeMisfit(wanted: Amounts, shapes: readonly Amounts[], where: string): string {
  const short = Object.entries(wanted).flatMap(([name, amount]) => {
    const most = Math.max(...shapes.map((shape) => shape[name] ?? 0))
    return amount > most
      ? [`no node of ${where} has ${formatAmount(name, amount)}${formatMost(name, most)}`]
      : []
  })
  if (short.length > 0) return `${capitalize(short.join(', and '))}.`
  const all = Object.entries(wanted).map(([name, amount]) => formatAmount(name, amount))
  return `No node of ${where} has all of ${all.join(', ')}.`
}

function formatMost(name: string, most: number): string {
  return most === 0 ? ': none has any' : `: the largest has ${formatAmount(name, most)}`
}

const gibibyte = 2 ** 30

function formatAmount(name: string, amount: number): string {
  const rounded = Math.round(amount * 100) / 100
  if (name === 'cpu') return `${rounded} ${rounded === 1 ? 'core' : 'cores'}`
  if (name === 'memory') return `${Math.round((amount / gibibyte) * 10) / 10} GB of memory`
  if (isGpu(name)) return `${rounded} ${rounded === 1 ? 'GPU' : 'GPUs'}`
  return `${rounded} ${name}`
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
