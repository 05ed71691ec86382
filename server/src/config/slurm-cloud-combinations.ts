import { expandHostlist } from '#platform/hostlist.ts'

import type { Conflict } from './combinations.ts'
import type { SlurmCloudConfig, SlurmPoolConfig } from './sections/slurm-cloud.ts'

/** What the schema cannot say of pools: nodes are a hostlist and of one pool, and there is one way to make them. */
export function checkSlurmCloud({ pools }: SlurmCloudConfig): readonly Conflict[] {
  const taken = new Set<string>()
  return pools.flatMap((pool, at) => {
    const path = ['scheduler', 'slurm', 'cloud', 'pools', at]
    return [
      ...checkWay(pool).map((message) => ({ path, message })),
      ...checkNodes(pool, taken).map((message) => ({ path: [...path, 'nodes'], message })),
      ...checkImage(pool).map((message) => ({ path: [...path, 'aws'], message })),
    ]
  })
}

function checkWay({ command, aws }: SlurmPoolConfig): readonly string[] {
  return (command === undefined) === (aws === undefined) ? ['needs one of `command` and `aws`'] : []
}

function checkNodes({ nodes }: SlurmPoolConfig, taken: Set<string>): readonly string[] {
  try {
    const names = expandHostlist(nodes)
    const twice = names.filter((name) => taken.has(name))
    for (const name of names) taken.add(name)
    return twice.length === 0 ? [] : [`another pool has ${twice.slice(0, 3).join(', ')}`]
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

function checkImage({ aws }: SlurmPoolConfig): readonly string[] {
  if (aws === undefined || aws.launchTemplate !== undefined) return []
  return aws.image !== undefined && aws.instanceTypes.length > 0
    ? []
    : ['needs `launchTemplate`, or `image` and `instanceTypes`']
}
