/** The most that one user may ask for; what is absent is not bounded. */
export interface ClusterBounds {
  /** Of one cluster. */
  readonly workers?: number
  /** Of one worker. */
  readonly cores?: number
  readonly memoryBytes?: number
  readonly gpus?: number
  readonly idleTimeoutMs?: number
  readonly clientTimeoutMs?: number
}

/** The bounds of a platform. */
export interface BoundsConfig {
  readonly maximum: ClusterBounds
  readonly groups: Readonly<Record<string, ClusterBounds>>
  readonly users: Readonly<Record<string, ClusterBounds>>
}

const keys = ['workers', 'cores', 'memoryBytes', 'gpus', 'idleTimeoutMs', 'clientTimeoutMs'] as const

/** A user's own bound counts first, then the most generous of the user's groups, then everybody's. */
export function findBounds(config: BoundsConfig, name: string, groups: readonly string[]): ClusterBounds {
  const own = lookUp(config.users, name)
  const ofGroups = groups.flatMap((group) => lookUp(config.groups, group) ?? [])
  const found = keys.flatMap((key) => {
    const generous = ofGroups.flatMap((bounds) => bounds[key] ?? [])
    const bound = own?.[key] ?? (generous.length > 0 ? Math.max(...generous) : config.maximum[key])
    return bound === undefined ? [] : [[key, bound] as const]
  })
  return Object.fromEntries(found)
}

/** Names are anybody's text: `constructor` is none of the configuration's. */
function lookUp<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
