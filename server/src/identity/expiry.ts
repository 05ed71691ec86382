import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'

const everyMs = 15_000

/** Removes what has expired, and tells who rests on it. Its cost follows what expires; two replicas may do it at the same time. */
export async function removeExpired(store: Store, nowMs: number): Promise<void> {
  await store.transaction(async (tx) => {
    for (const table of ['tokens', 'sessions'] as const) {
      const gone = await tx.db.deleteFrom(table).where('expires_at', '<=', nowMs).returning('hash').execute()
      for (const { hash } of gone) tx.changed(table === 'tokens' ? 'token' : 'session', hash)
    }
    await tx.db.deleteFrom('one_time_links').where('expires_at', '<=', nowMs).execute()
    await tx.db.deleteFrom('oauth_codes').where('expires_at', '<=', nowMs).execute()
  })
}

/** Does so every few seconds until the signal. A failure is logged, and the next time comes all the same. */
export async function keepRemovingExpired(
  { store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await removeExpired(store, clock.now())
    } catch (error) {
      log.warn({ err: error }, 'expired credentials could not be removed')
    }
    await clock.sleep(everyMs, { signal }).catch(() => {})
  }
}
