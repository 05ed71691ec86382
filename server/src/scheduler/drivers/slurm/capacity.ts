import type { Capacity, NodeCapacity } from '#scheduler/scheduler.ts'
import type { SlurmNode } from './slurm-client.ts'

const mebibyte = 2 ** 20
const brokenStates = ['down', 'error', 'future', 'unknown', 'fail', 'failing']
const downStates = [...brokenStates, 'not_responding', 'powered_down', 'powering_down', 'power_down']
const drainStates = ['drain', 'draining', 'drained', 'maint', 'maintenance', 'reboot_requested']
const noPool = 'none'

/** Nodes and partitions; a node counts to the first of its partitions. One that Slurm has switched off is no node but growth. */
export function buildCapacity(nodes: readonly SlurmNode[]): Capacity {
  const names = new Set(nodes.flatMap(({ partitions }) => (partitions.length === 0 ? [noPool] : partitions)))
  return {
    nodes: nodes.filter((node) => !isAsleep(node)).map(buildNode),
    pools: [...names].toSorted().map((name) => ({
      name,
      canGrowBy: nodes.filter((node) => node.partitions.includes(name) && isAsleep(node)).length,
    })),
  }
}

function buildNode(node: SlurmNode): NodeCapacity {
  return {
    name: node.name,
    pool: node.partitions[0] ?? noPool,
    state: findState(node),
    cpu: node.cpus,
    cpuUsed: node.cpusUsed,
    memoryBytes: node.memoryMiB * mebibyte,
    memoryUsedBytes: node.memoryUsedMiB * mebibyte,
    gpu: node.gpus,
    gpuUsed: node.gpusUsed,
  }
}

function findState({ states }: SlurmNode): NodeCapacity['state'] {
  if (states.some((state) => downStates.includes(state))) return 'down'
  return states.some((state) => drainStates.includes(state)) ? 'draining' : 'up'
}

/** Switched off by Slurm, which can switch it on: one that is down or drained meanwhile it leaves alone. */
function isAsleep({ states }: SlurmNode): boolean {
  if (!states.includes('cloud') || !states.includes('powered_down')) return false
  return !states.some((state) => brokenStates.includes(state) || drainStates.includes(state))
}
