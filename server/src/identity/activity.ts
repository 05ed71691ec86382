import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { CredentialRecord } from './credential-records.ts'

/** The stored time of last activity is this old at most, as in JupyterHub. */
export const activityResolutionMs = 30_000
const flushDelayMs = 1_000
/** A session's end moves with its use, in steps of this part of its life, so that caches and the edge hear of it rarely. */
const slideStep = 1 / 20

/** Gathers who was active and writes it now and then: the cost follows who is active, never who exists. */
export interface Activity {
  /** A credential was used, and so, unless it is a server's own, its owner was active. */
  noteCredential(record: CredentialRecord, atMs: number): void
  noteUser(id: number, atMs: number): void
  /** The last that this replica has seen of a user, stored or not. */
  findUser(id: number): number | undefined
  findToken(id: number): number | undefined
  /** Writes what is gathered. */
  flush(): Promise<void>
  close(): Promise<void>
}

interface ActivityOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** A browser stays signed in this long after its last visit. */
  readonly sessionMs: number
}

/** Users and tokens whose last activity is remembered after it was stored. */
const mostRemembered = 50_000

interface Gathered {
  readonly users: Map<number, number>
  readonly tokens: Map<number, number>
  readonly sessions: Map<number, number>
}

const createGathered = (): Gathered => ({ users: new Map(), tokens: new Map(), sessions: new Map() })

/** See `Activity`. */
export function createActivity({ store, clock, log, sessionMs }: ActivityOptions): Activity {
  let gathered = createGathered()
  const last = createGathered()
  let writing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  function note(kind: keyof Gathered, id: number, atMs: number): void {
    // Nobody was active in the future, whatever a clock says.
    const knownMs = Math.min(atMs, clock.now())
    raiseTime(gathered[kind], id, knownMs)
    raiseTime(last[kind], id, knownMs)
    const [first] = last[kind].keys()
    if (last[kind].size > mostRemembered && first !== undefined) last[kind].delete(first)
    timer ??= setTimeout(flushSoon, flushDelayMs).unref()
  }

  function flushSoon(): void {
    flush().catch((error: unknown) => log.warn({ err: error }, 'activity could not be stored'))
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    await writing
    const { users, tokens, sessions } = gathered
    if (users.size + tokens.size + sessions.size === 0) return
    gathered = createGathered()
    writing = store.transaction(async (tx) => {
      for (const [id, atMs] of users) await raise(tx, 'users', id, atMs)
      for (const [id, atMs] of tokens) await raise(tx, 'tokens', id, atMs)
      for (const [id, atMs] of sessions) {
        await raise(tx, 'sessions', id, atMs)
        await slide(tx, id, atMs, sessionMs)
      }
    })
    await writing.catch((error: unknown) => {
      writing = Promise.resolve()
      throw error
    })
  }

  return {
    noteCredential({ kind, id, ownerKind, ownerId, serverId }, atMs) {
      note(kind === 'session' ? 'sessions' : 'tokens', id, atMs)
      if (ownerKind === 'user' && serverId === null) note('users', ownerId, atMs)
    },
    noteUser: (id, atMs) => note('users', id, atMs),
    findUser: (id) => last.users.get(id),
    findToken: (id) => last.tokens.get(id),
    flush,
    async close() {
      await flush()
    },
  }
}

function raiseTime(times: Map<number, number>, id: number, atMs: number): void {
  times.set(id, Math.max(times.get(id) ?? 0, atMs))
}

/** Activity only ever moves forward. */
async function raise(
  { db }: StoreTransaction,
  table: 'users' | 'tokens' | 'sessions',
  id: number,
  atMs: number,
): Promise<void> {
  await db
    .updateTable(table)
    .set({ last_activity: atMs })
    .where('id', '=', id)
    .where((where) => where.or([where('last_activity', 'is', null), where('last_activity', '<', atMs)]))
    .execute()
}

async function slide(tx: StoreTransaction, id: number, atMs: number, sessionMs: number): Promise<void> {
  const moved = await tx.db
    .updateTable('sessions')
    .set({ expires_at: atMs + sessionMs })
    .where('id', '=', id)
    .where('expires_at', '<', Math.floor(atMs + sessionMs * (1 - slideStep)))
    .returning('hash')
    .executeTakeFirst()
  if (moved !== undefined) tx.changed('session', moved.hash)
}
