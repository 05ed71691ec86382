import { PlatformError } from '@atrium/contract/errors.ts'

import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'

/** Wrong passwords that cost nothing; each one after doubles the pause. */
const freeFailures = 5
const longestPauseMs = 60_000
/** Names of nobody that are remembered, so that they pause as names of somebody do. */
const mostUnknownNames = 10_000

/** Slows down guessing: the pause is per name and short, so that nobody is locked out for long by somebody else's guesses. */
export interface SignInPause {
  /** Counts a try before its password is looked at, so that tries at the same time count too. Throws `too_many_requests` during a pause. */
  begin(name: string): Promise<void>
  /** The password was right. */
  succeed(name: string): Promise<void>
}

/** Counts of users are stored, those of unknown names stay on this replica. */
export function createSignInPause({
  store,
  clock,
}: {
  readonly store: Store
  readonly clock: Clock
}): SignInPause {
  const unknown = new Map<string, { failures: number; untilMs: number }>()

  function beginUnknown(name: string): void {
    const known = unknown.get(name) ?? { failures: 0, untilMs: 0 }
    assertNotPaused(known.untilMs, clock.now())
    const failures = known.failures + 1
    unknown.delete(name)
    unknown.set(name, { failures, untilMs: clock.now() + pauseAfter(failures) })
    const [oldest] = unknown.keys()
    if (unknown.size > mostUnknownNames && oldest !== undefined) unknown.delete(oldest)
  }

  return {
    async begin(name) {
      const isKnown = await store.transaction(async ({ db }) => {
        const nowMs = clock.now()
        // The write comes first: on PostgreSQL it holds the row against tries at the same time.
        const row = await db
          .updateTable('users')
          .set((values) => ({ failed_logins: values('failed_logins', '+', 1) }))
          .where('name', '=', name)
          .returning(['id', 'failed_logins', 'locked_until'])
          .executeTakeFirst()
        if (row === undefined) return false
        assertNotPaused(row.locked_until ?? 0, nowMs)
        await db
          .updateTable('users')
          .set({ locked_until: nowMs + pauseAfter(row.failed_logins) })
          .where('id', '=', row.id)
          .execute()
        return true
      })
      if (!isKnown) beginUnknown(name)
    },

    async succeed(name) {
      unknown.delete(name)
      await store.db
        .updateTable('users')
        .set({ failed_logins: 0, locked_until: null })
        .where('name', '=', name)
        .where('failed_logins', '>', 0)
        .execute()
    },
  }
}

function pauseAfter(failures: number): number {
  if (failures <= freeFailures) return 0
  return Math.min(longestPauseMs, 1000 * 2 ** (failures - freeFailures - 1))
}

function assertNotPaused(untilMs: number, nowMs: number): void {
  // A clock that was set back must not make the pause longer.
  if (untilMs > nowMs && untilMs - nowMs <= longestPauseMs) throw new PlatformError('too_many_requests')
}
