import { PlatformError } from '@atrium/contract/errors.ts'
import { sql } from 'kysely'

import type { Clock } from '#platform/clock.ts'
import type { Lease, Store, StoreTransaction } from './store.ts'

type Transact = Store['transaction']

/**
 * How far replicas' clocks may be apart. A lease that ends later than a fresh one could by more than this was made before the clock was
 * set back: it counts as expired, or nobody could take over for as long as the clock was wrong.
 */
const clockToleranceMs = 60_000

/** Takes or renews the lease `name`; see `Store.acquireLease`. */
export function acquireLease(
  transaction: Transact,
  clock: Clock,
  request: { name: string; holder: string; ttlMs: number },
): Promise<Lease | undefined> {
  const { name, holder, ttlMs } = request
  return transaction(async ({ db }) => {
    const now = clock.now()
    const row = await db
      .insertInto('leases')
      .values({ name, holder, fence: 1, expires_at: now + ttlMs })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({
            holder,
            expires_at: now + ttlMs,
            fence: sql<number>`case when leases.holder = ${holder} then leases.fence else leases.fence + 1 end`,
          })
          .where((where) =>
            where.or([
              where('leases.holder', '=', holder),
              where('leases.expires_at', '<=', now),
              where('leases.expires_at', '>', now + ttlMs + clockToleranceMs),
            ]),
          ),
      )
      .returning('fence')
      .executeTakeFirst()
    return row === undefined ? undefined : { name, holder, fence: row.fence }
  })
}

/** See `Store.assertLease`. Locks the row on PostgreSQL, so that nobody takes over before this transaction ends. */
export async function assertLease(tx: StoreTransaction, lease: Lease, lock: boolean): Promise<void> {
  let query = tx.db.selectFrom('leases').select(['holder', 'fence']).where('name', '=', lease.name)
  if (lock) query = query.forShare()
  const row = await query.executeTakeFirst()
  if (row?.holder !== lease.holder || row.fence !== lease.fence) {
    throw new PlatformError('lease_lost', { detail: { lease: lease.name, fence: lease.fence } })
  }
}

/** Lets the next replica take over at once. */
export async function releaseLease(transaction: Transact, lease: Lease): Promise<void> {
  await transaction(async ({ db }) => {
    await db
      .updateTable('leases')
      .set({ expires_at: 0 })
      .where('name', '=', lease.name)
      .where('holder', '=', lease.holder)
      .where('fence', '=', lease.fence)
      .execute()
  })
}
