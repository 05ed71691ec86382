import { hash } from 'node:crypto'

import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'
import { type Activity, activityResolutionMs } from './activity.ts'
import { type BuiltPrincipal, buildPrincipals } from './build-principals.ts'
import { readSessions, readTokens } from './credential-records.ts'
import type { Principal, SessionPrincipal } from './principal.ts'
import { createPrincipalCache } from './principal-cache.ts'

/** Something that is there at once or comes later: requests whose credential is in memory must not wait for a promise. */
export type MaybePromise<T> = T | Promise<T>

/**
 * Who a credential belongs to and what it may do. Answers from memory; a change of credential, roles, groups or shares on any replica takes the
 * affected ones out at once.
 */
export interface Principals {
  /** Undefined: unknown, expired or revoked. Counts as activity of the token and its owner. */
  findByToken(secret: string): MaybePromise<Principal | undefined>
  findBySession(secret: string): MaybePromise<SessionPrincipal | undefined>
  /** Use that somebody else has seen (the edge), by hash. */
  noteUse(uses: readonly { readonly hash: string; readonly lastActivityMs: number }[]): Promise<void>
  close(): void
}

interface PrincipalsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly activity: Activity
}

/** See `Principals`. */
export function createPrincipals({ store, clock, activity }: PrincipalsOptions): Principals {
  const cache = createPrincipalCache()
  const loading = new Map<string, Promise<BuiltPrincipal | undefined>>()
  const notedAt = new WeakMap<BuiltPrincipal, number>()
  const unsubscribe = store.onChange((changes) => {
    cache.apply(changes)
    // What is being read may be from before the change: whoever asks from now on reads anew.
    loading.clear()
  })

  function find(kind: 'session' | 'token', secret: string): MaybePromise<Principal | undefined> {
    const digest = hash('sha256', secret)
    const known = findFresh(kind, digest)
    if (known !== undefined) return use(known)
    return load(kind, digest).then((built) => built && use(built))
  }

  function findFresh(kind: 'session' | 'token', digest: string): BuiltPrincipal | undefined {
    const known = cache.get(kind, digest)
    return known !== undefined && clock.now() < known.validUntilMs ? known : undefined
  }

  function use(built: BuiltPrincipal): Principal {
    const nowMs = clock.now()
    if (nowMs - (notedAt.get(built) ?? 0) >= activityResolutionMs) {
      notedAt.set(built, nowMs)
      activity.noteCredential(built.record, nowMs)
    }
    return built.principal
  }

  function load(kind: 'session' | 'token', digest: string): Promise<BuiltPrincipal | undefined> {
    const key = `${kind} ${digest}`
    const pending = loading.get(key)
    if (pending !== undefined) return pending
    const reading = read(kind, digest).finally(() => {
      if (loading.get(key) === reading) loading.delete(key)
    })
    loading.set(key, reading)
    return reading
  }

  async function read(kind: 'session' | 'token', digest: string): Promise<BuiltPrincipal | undefined> {
    const { generation } = cache
    const readRecords = kind === 'session' ? readSessions : readTokens
    const records = await readRecords(store.db, { hashes: [digest] }, clock.now())
    const [built] = await buildPrincipals(store.db, records, clock.now())
    if (built !== undefined && generation === cache.generation) cache.put(built)
    return built
  }

  return {
    findByToken: (secret) => find('token', secret),
    // Only sessions are stored as such, and only they are read here.
    findBySession: (secret) => find('session', secret) as MaybePromise<SessionPrincipal | undefined>,
    async noteUse(uses) {
      for (const { hash: digest, lastActivityMs } of uses) {
        for (const kind of ['session', 'token'] as const) {
          const built = findFresh(kind, digest) ?? (await load(kind, digest))
          if (built !== undefined) activity.noteCredential(built.record, lastActivityMs)
        }
      }
    },
    close: unsubscribe,
  }
}
