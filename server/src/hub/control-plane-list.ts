import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'

export interface ControlPlaneListOptions {
  store: Store
  clock: Clock
  /** A replica that was not seen for this long is dead. */
  replicaPatienceMs: number
}

/** Where the control planes that live listen, as edges see them. */
export async function listControlPlanes(options: ControlPlaneListOptions): Promise<readonly string[]> {
  const { store, clock, replicaPatienceMs } = options
  const rows = await store.db
    .selectFrom('replicas')
    .select('address')
    .where('seen_at', '>', clock.now() - replicaPatienceMs)
    .orderBy('id')
    .execute()
  return [...new Set(rows.map(({ address }) => address))]
}
