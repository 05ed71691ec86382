import { setTimeout } from 'node:timers/promises'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'

const beatMs = 5000
/** Replicas that were killed and never came again are forgotten after this long. */
const forgetMs = 86_400_000
/** Telling edges may take so long before the end goes on without. */
const leaveWithinMs = 3000
/** What an edge had sent before it was told is here after this long. */
const stragglerMs = 100

/** This control plane among the others. */
export interface Replica {
  /** Takes it off the list. Resolves when edges send nothing more here, and what they have sent has come; never rejects. */
  leave(announce: () => Promise<void>): Promise<void>
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
    await tx.db
      .deleteFrom('replicas')
      .where('seen_at', '<', clock.now() - forgetMs)
      .execute()
    tx.changed('replica', id)
  })
  const beating = beat()
  return {
    async leave(announce) {
      stop.abort()
      await beating
      try {
        await store.transaction(async (tx) => {
          await tx.db.deleteFrom('replicas').where('id', '=', id).execute()
          tx.changed('replica', id)
        })
        await Promise.race([announce(), failAfter(leaveWithinMs)])
        await clock.sleep(stragglerMs)
      } catch (error) {
        log.warn({ err: error }, 'edges were not told that this replica ends')
      }
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

async function failAfter(ms: number): Promise<never> {
  await setTimeout(ms, undefined, { ref: false })
  throw new Error(`edges could not be told within ${ms} ms`)
}
