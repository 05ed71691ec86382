import type { Store } from '#store/store.ts'

/** Removes what has expired, and tells who rests on it. Its cost follows what expires; call it every few seconds on one replica. */
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
