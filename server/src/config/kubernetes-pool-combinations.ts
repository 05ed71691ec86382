import type { Conflict } from './combinations.ts'
import { checkTolerations } from './kubernetes-volume-combinations.ts'
import type { NodePoolConfig } from './sections/kubernetes-pools.ts'

/** What the schema cannot say of pools: each is static or autoscaled, and known by something. */
export function checkKubernetesPools(pools: readonly NodePoolConfig[]): readonly Conflict[] {
  return pools.flatMap((pool, at) => {
    const path = ['scheduler', 'kubernetes', 'nodePools', at]
    const isRepeated = pools.findIndex(({ name }) => name === pool.name) < at
    return [
      ...(isRepeated ? [{ path: [...path, 'name'], message: 'another pool has this name' }] : []),
      ...checkLabels(pool, path),
      ...checkTolerations(pool.tolerations, [...path, 'tolerations']),
      ...checkSize(pool, path),
    ]
  })
}

function checkLabels(
  { provider, providerName, nodeSelector, spot }: NodePoolConfig,
  path: Conflict['path'],
): readonly Conflict[] {
  return [
    ...(provider === undefined && Object.keys(nodeSelector).length === 0
      ? [{ path, message: 'needs `provider` or `nodeSelector`: the labels by which its nodes are known' }]
      : []),
    ...(provider === undefined && providerName !== undefined
      ? [{ path: [...path, 'providerName'], message: 'needs `provider`' }]
      : []),
    ...(provider === 'digitalocean' && spot
      ? [{ path: [...path, 'spot'], message: 'DigitalOcean has no nodes that it takes away' }]
      : []),
  ]
}

function checkSize(
  { nodes, minimum, maximum, machine, placeholders }: NodePoolConfig,
  path: Conflict['path'],
): readonly Conflict[] {
  const isScaled = minimum !== undefined || maximum !== undefined
  if (nodes !== undefined && isScaled)
    return [{ path: [...path, 'nodes'], message: 'give nodes, or minimum and maximum, not both' }]
  if (minimum !== undefined && maximum === undefined)
    return [{ path: [...path, 'minimum'], message: 'give maximum too' }]
  return [
    ...((minimum ?? 0) > (maximum ?? Number.POSITIVE_INFINITY)
      ? [{ path: [...path, 'minimum'], message: 'it is above the maximum' }]
      : []),
    ...(isScaled && machine === undefined
      ? [{ path, message: 'needs `machine`: what a node would have that is not there yet' }]
      : []),
    ...(placeholders !== undefined && !isScaled
      ? [{ path: [...path, 'placeholders'], message: 'nothing adds nodes to this pool: give maximum' }]
      : []),
  ]
}
