import type { Change } from '#store/store.ts'
import type { BuiltPrincipal } from './build-principals.ts'

/** Entries kept at most; beyond it the longest known are dropped and read again when they come back. */
const mostEntries = 50_000

/** Principals in memory by their credential's hash, and the knowledge of which changes concern which. */
export interface PrincipalCache {
  get(kind: 'session' | 'token', hash: string): BuiltPrincipal | undefined
  /** Grows with every change that could concern anybody: what was read before must not be kept after. */
  readonly generation: number
  put(built: BuiltPrincipal): void
  /** Drops what the changes concern. */
  apply(changes: readonly Change[]): void
}

/** An empty cache. */
export function createPrincipalCache(): PrincipalCache {
  const entries = { session: new Map<string, BuiltPrincipal>(), token: new Map<string, BuiltPrincipal>() }
  /** By `user NAME`, `service NAME`, `group NAME`, `oauth-client ID`: as changes name them. */
  const concerned = new Map<string, Set<BuiltPrincipal>>()
  let generation = 0

  function put(built: BuiltPrincipal): void {
    const { hash, kind } = built.record
    remove(kind, hash)
    const known = entries[kind]
    if (known.size >= mostEntries) {
      const [oldest] = known.keys()
      if (oldest !== undefined) remove(kind, oldest)
    }
    known.set(hash, built)
    for (const subject of subjectsOf(built)) {
      const others = concerned.get(subject)
      if (others === undefined) concerned.set(subject, new Set([built]))
      else others.add(built)
    }
  }

  function remove(kind: 'session' | 'token', hash: string): void {
    const built = entries[kind].get(hash)
    if (built === undefined) return
    entries[kind].delete(hash)
    for (const subject of subjectsOf(built)) {
      const others = concerned.get(subject)
      others?.delete(built)
      if (others?.size === 0) concerned.delete(subject)
    }
  }

  function removeAll(): void {
    entries.session.clear()
    entries.token.clear()
    concerned.clear()
  }

  function removeConcerned(subject: string): void {
    for (const built of [...(concerned.get(subject) ?? [])]) remove(built.record.kind, built.record.hash)
  }

  function applyOne({ topic, key }: Change): void {
    if (!identityTopics.has(topic)) return
    generation += 1
    if (key === '*' || topic === 'role') removeAll()
    else if (topic === 'token' || topic === 'session') remove(topic, key)
    else removeConcerned(topic === 'share' ? key : `${topic} ${key}`)
  }

  return {
    get: (kind, hash) => entries[kind].get(hash),
    get generation() {
      return generation
    },
    put,
    apply: (changes) => changes.forEach(applyOne),
  }
}

const identityTopics: ReadonlySet<string> = new Set([
  'user',
  'group',
  'role',
  'service',
  'token',
  'session',
  'share',
  'oauth-client',
])

/**
 * What a change must name to concern the principal: its owner, the groups that matter for it, its OAuth client. Changes of shares have who
 * it is shared with as their key, `user NAME` or `group NAME`.
 */
export function subjectsOf({ principal, groups, record }: BuiltPrincipal): readonly string[] {
  return [
    `${principal.kind} ${principal.name}`,
    ...[...groups].map((group) => `group ${group}`),
    ...(record.client === undefined ? [] : [`oauth-client ${record.clientId}`]),
  ]
}
