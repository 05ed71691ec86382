import type { Kysely, Transaction } from 'kysely'

import { isRetryableDatabaseError, translateDatabaseError } from './database-errors.ts'
import type { Change, Store } from './store.ts'
import type { Tables } from './tables.ts'

const maxTries = 5

interface TransactorOptions {
  db: Kysely<Tables>
  /** Tells this replica's listeners, after the commit. */
  publish(changes: readonly Change[]): void
  /** Tells the other replicas, as part of the transaction. */
  beforeCommit(db: Transaction<Tables>, changes: readonly Change[]): Promise<void>
}

/** Builds `Store.transaction`: collects announced changes, commits, then tells; runs again after a lost race. */
export function createTransactor({ db, publish, beforeCommit }: TransactorOptions): Store['transaction'] {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      const changes = new Map<string, Change>()
      const actions: (() => void)[] = []
      try {
        const result = await db.transaction().execute(async (trx) => {
          const value = await work({
            db: trx,
            changed: (topic, key) => changes.set(`${topic} ${key}`, { topic, key }),
            afterCommit: (action) => actions.push(action),
          })
          if (changes.size > 0) await beforeCommit(trx, [...changes.values()])
          return value
        })
        publish([...changes.values()])
        for (const action of actions) action()
        return result
      } catch (error) {
        if (attempt >= maxTries || !isRetryableDatabaseError(error)) throw translateDatabaseError(error)
      }
    }
  }
}
