import type { Kysely, Transaction } from 'kysely'

import type { Tables } from './tables.ts'

/** What changed, for caches and waiting loops on every replica. */
export type ChangeTopic =
  | 'user'
  | 'group'
  | 'role'
  | 'service'
  | 'token'
  | 'session'
  | 'server'
  | 'share'
  | 'cluster'
  | 'job'
  | 'job-wanted'
  | 'job-event'
  | 'job-news'
  | 'run'
  | 'schedule'
  | 'oauth-client'
  | 'replica'
  | 'setting'

/** `key` names the changed thing (documented where it is announced); `*` means any of the topic may have changed. */
export interface Change {
  topic: ChangeTopic
  key: string
}

export type ReadableDatabase = Kysely<Tables>

/** Inside `Store.transaction`: use only this `db` until it ends, the store's own would wait for the transaction for ever on SQLite. */
export interface StoreTransaction {
  readonly db: Transaction<Tables>
  /** Announced to every replica, this one included, once the transaction has committed; dropped if it rolls back. */
  changed(topic: ChangeTopic, key: string): void
  /** Runs after the commit on this replica alone. */
  afterCommit(action: () => void): void
}

/** A lease held by this replica. `fence` grows with each new holder. */
export interface Lease {
  readonly name: string
  readonly holder: string
  readonly fence: number
}

/**
 * The one place where state lives. SQLite for one control plane, PostgreSQL for many replicas; the same behaviour on both, proved by the
 * same tests. Database trouble is thrown as `store_unavailable` or `storage_full`.
 */
export interface Store {
  readonly kind: 'sqlite' | 'postgres'
  /** For reads, and for writes that nobody caches or waits for. */
  readonly db: ReadableDatabase
  /**
   * Runs `work` atomically. On PostgreSQL it is retried when it lost a serialisation race or met a deadlock, so `work` must have no
   * effects outside the database. Resolves after the commit, when local `onChange` listeners have been called.
   */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>
  /** Listens to changes of all replicas. A lost connection to PostgreSQL answers with `{topic, key: '*'}` for every topic once it is back. */
  onChange(listener: (changes: readonly Change[]) => void): () => void
  /** Takes or renews a lease for `ttlMs`; undefined while another holder's is valid. */
  acquireLease(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>
  /** Throws `lease_lost` unless the lease is still held; call it first in a transaction whose writes must be fenced. */
  assertLease(tx: StoreTransaction, lease: Lease): Promise<void>
  releaseLease(lease: Lease): Promise<void>
  /**
   * A consistent copy while in use, for the platform's own user alone: SQLite's backup; PostgreSQL has its own tools and refuses. Throws
   * `conflict` when something is there already, `bad_request` when nothing can be written there.
   */
  backup(path: string): Promise<void>
  close(): Promise<void>
}
