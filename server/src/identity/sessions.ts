import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { SessionsTable } from '#store/tables.ts'

/** A browser that is signed in. */
export interface Session {
  readonly id: number
  /** Public id: OAuth tokens refer to it. */
  readonly sessionId: string
  readonly userId: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly lastActivityAtMs: number
  readonly remote: string
  readonly userAgent: string
}

/** The browser sessions. Changes are announced as `session HASH`. */
export interface Sessions {
  /** `secret` goes into the session cookie and nowhere else. */
  create(
    user: { readonly id: number; readonly name: string },
    browser: { readonly remote: string; readonly userAgent: string },
  ): Promise<{ session: Session; secret: string }>
  /** Those that have not expired, the last used first. */
  list(userId: number): Promise<readonly Session[]>
  /** Signs out one browser: the session and the OAuth tokens that were given to it. Repeatable. */
  end(userId: number, sessionId: string, actor: Actor): Promise<void>
  /** Signs out all browsers of a user but `except`. */
  endAll(userId: number, actor: Actor, options?: { readonly except?: string }): Promise<void>
}

interface SessionsOptions {
  readonly store: Store
  readonly clock: Clock
  /** A browser stays signed in this long after its last visit. */
  readonly sessionMs: number
}

/** Longer ones say nothing more. */
const longestUserAgent = 300

/** See `Sessions`. */
export function createSessions({ store, clock, sessionMs }: SessionsOptions): Sessions {
  return {
    async create(user, { remote, userAgent }) {
      const secret = createSecret()
      const nowMs = clock.now()
      return store.transaction(async (tx) => {
        const row = await tx.db
          .insertInto('sessions')
          .values({
            hash: hashSecret(secret),
            session_id: randomBytes(16).toString('hex'),
            user_id: user.id,
            created_at: nowMs,
            expires_at: nowMs + sessionMs,
            last_activity: nowMs,
            remote,
            user_agent: userAgent.slice(0, longestUserAgent),
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        tx.changed('session', row.hash)
        const actor = { name: `user:${user.name}`, remote }
        await recordAudit(tx, clock, { actor, action: 'session.start', target: actor.name })
        return { session: parseSession(row), secret }
      })
    },

    async list(userId) {
      const rows = await store.db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('expires_at', '>', clock.now())
        .orderBy('last_activity', 'desc')
        .execute()
      return rows.map(parseSession)
    },

    async end(userId, sessionId, actor) {
      await store.transaction((tx) => endSessions(tx, clock, { userId, actor, only: sessionId }))
    },

    async endAll(userId, actor, { except } = {}) {
      await store.transaction((tx) =>
        endSessions(tx, clock, { userId, actor, ...(except === undefined ? {} : { except }) }),
      )
    },
  }
}

/** Ends sessions as a part of something larger, with the OAuth tokens that were given to them. */
export async function endSessions(
  tx: StoreTransaction,
  clock: Clock,
  { userId, actor, only, except }: { userId: number; actor: Actor; only?: string; except?: string },
): Promise<void> {
  let doomed = tx.db.deleteFrom('sessions').where('user_id', '=', userId)
  if (only !== undefined) doomed = doomed.where('session_id', '=', only)
  if (except !== undefined) doomed = doomed.where('session_id', '!=', except)
  const ended = await doomed.returning(['hash', 'session_id']).execute()
  if (ended.length === 0) return
  for (const { hash } of ended) tx.changed('session', hash)
  const tokens = await tx.db
    .deleteFrom('tokens')
    .where('user_id', '=', userId)
    .where(
      'session_id',
      'in',
      ended.map(({ session_id }) => session_id),
    )
    .returning('hash')
    .execute()
  for (const { hash } of tokens) tx.changed('token', hash)
  await recordAudit(tx, clock, {
    actor,
    action: 'session.end',
    target: actor.name,
    detail: { sessions: ended.length, tokens: tokens.length },
  })
}

function parseSession(row: Selectable<SessionsTable>): Session {
  return {
    id: row.id,
    sessionId: row.session_id,
    userId: row.user_id,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
    lastActivityAtMs: row.last_activity,
    remote: row.remote,
    userAgent: row.user_agent,
  }
}
