import type { JobSpec } from '#scheduler/job.ts'
import type { NodeCapacity } from '#scheduler/scheduler.ts'

export interface MemoryNode {
  name: string
  pool: string
  cpu: number
  memoryBytes: number
  gpu: number
}

/** One node with room for everything. */
export const plenty: MemoryNode = {
  name: 'node-1',
  pool: 'default',
  cpu: 1e6,
  memoryBytes: 2 ** 60,
  gpu: 1e6,
}

/** What is used of the pretend nodes. */
export interface MemoryNodes {
  /** Takes room for a job: the node's name, or undefined when it fits nowhere now. */
  take(spec: JobSpec): string | undefined
  free(spec: JobSpec, node: string): void
  lose(name: string): void
  list(): readonly NodeCapacity[]
}

export function createMemoryNodes(nodes: readonly MemoryNode[]): MemoryNodes {
  const capacities = nodes.map(
    (node): NodeCapacity => ({ ...node, state: 'up', cpuUsed: 0, memoryUsedBytes: 0, gpuUsed: 0 }),
  )
  const change = (node: NodeCapacity, { resources }: JobSpec, sign: 1 | -1) => {
    node.cpuUsed += sign * (resources.cpu ?? 0)
    node.memoryUsedBytes += sign * (resources.memoryBytes ?? 0)
    node.gpuUsed += sign * (resources.gpu ?? 0)
  }
  return {
    take(spec) {
      const node = capacities.find((candidate) => fits(candidate, spec))
      if (node !== undefined) change(node, spec, 1)
      return node?.name
    },
    free(spec, name) {
      const node = capacities.find((candidate) => candidate.name === name)
      if (node !== undefined) change(node, spec, -1)
    },
    lose(name) {
      for (const node of capacities) if (node.name === name) node.state = 'down'
    },
    list: () => capacities.map((node) => ({ ...node })),
  }
}

function fits(node: NodeCapacity, { resources, nodePool, queue }: JobSpec): boolean {
  const pool = queue?.partition ?? nodePool
  return (
    node.state === 'up' &&
    (pool === undefined || pool === node.pool) &&
    node.cpuUsed + (resources.cpu ?? 0) <= node.cpu &&
    node.memoryUsedBytes + (resources.memoryBytes ?? 0) <= node.memoryBytes &&
    node.gpuUsed + (resources.gpu ?? 0) <= node.gpu
  )
}
