import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'

const beatMs = 5000

/** This control plane among the others. */
export interface Replica {
  /** The edge is told to send it nothing any more. */
  close(): Promise<void>
}

/** Puts this control plane on the list of those that serve, and keeps saying that it is alive. */
export async function startReplica(options: {
  store: Store
  clock: Clock
  log: Logger
  id: string
  address: string
  version: string
}): Promise<Replica> {
  const { store, clock, log, id, address, version } = options
  const startedAtMs = clock.now()
  const stop = new AbortController()
  await store.transaction(async (tx) => {
    const row = { address, version, started_at: startedAtMs, seen_at: clock.now() }
    await tx.db
      .insertInto('replicas')
      .values({ id, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute()
    tx.changed('replica', id)
  })
  const beating = beat()
  return {
    async close() {
      stop.abort()
      await beating
      await store.transaction(async (tx) => {
        await tx.db.deleteFrom('replicas').where('id', '=', id).execute()
        tx.changed('replica', id)
      })
    },
  }

  async function beat(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(beatMs, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      await store.db
        .updateTable('replicas')
        .set({ seen_at: clock.now() })
        .where('id', '=', id)
        .execute()
        .catch((error: unknown) => log.warn({ err: error }, 'this replica could not say that it is alive'))
    }
  }
}
