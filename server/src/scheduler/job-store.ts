import { endedJobStates } from '@atrium/contract/jobs.ts'
import type { Kysely } from 'kysely'

import type { Store, StoreTransaction } from '#store/store.ts'
import type { Tables } from '#store/tables.ts'
import type { JobKey } from './job.ts'
import type { Job, JobFilter } from './job-record.ts'
import { buildJobUpdate, type JobChange, jobColumns, type NewJobRow, parseJobRow } from './job-rows.ts'

/** Of a statement: with some columns each, far below the parameters that both databases take. */
const maxRows = 500
const defaultLimit = 1000

type Database = Kysely<Tables>

/** The table of jobs. Every write announces the job (`job` topic) to all replicas. */
export interface JobStore {
  /** Answers those that were not there yet. */
  insert(tx: StoreTransaction, rows: readonly NewJobRow[]): Promise<readonly Job[]>
  find(keys: readonly JobKey[], tx?: StoreTransaction): Promise<Map<JobKey, Job>>
  /** The records as nobody else can change them until the transaction ends. */
  lock(tx: StoreTransaction, keys: readonly JobKey[]): Promise<Map<JobKey, Job>>
  list(filter: JobFilter): Promise<Job[]>
  /** Jobs of a driver that the scheduler has or should have: neither queued nor ended. */
  listActive(driver: string, keys?: readonly JobKey[]): Promise<Job[]>
  update(tx: StoreTransaction, key: JobKey, change: JobChange): Promise<void>
  /** One change for many jobs. */
  updateMany(tx: StoreTransaction, keys: readonly JobKey[], change: JobChange): Promise<void>
  /** Sealed secrets by key, of those that have any. */
  readSecrets(keys: readonly JobKey[]): Promise<Map<JobKey, string>>
}

export function createJobStore(store: Store): JobStore {
  const isLocking = store.kind === 'postgres'
  const announce = (tx: StoreTransaction, keys: readonly JobKey[]) => {
    for (const key of keys) tx.changed('job', key)
  }
  return {
    async insert(tx, rows) {
      const inserted: Job[] = []
      for (const part of splitKeys(rows)) {
        const query = tx.db.insertInto('jobs').values(part).returning(jobColumns)
        const fresh = query.onConflict((conflict) => conflict.column('key').doNothing())
        for (const row of await fresh.execute()) inserted.push(parseJobRow(row))
      }
      announce(
        tx,
        inserted.map(({ key }) => key),
      )
      return inserted
    },
    find: (keys, tx) => findJobs(tx?.db ?? store.db, keys, false),
    lock: (tx, keys) => findJobs(tx.db, keys, isLocking),
    list: (filter) => listJobs(store.db, filter),
    listActive: (driver, keys) => listActiveJobs(store.db, driver, keys),
    async update(tx, key, change) {
      await tx.db.updateTable('jobs').set(buildJobUpdate(change)).where('key', '=', key).execute()
      announce(tx, [key])
    },
    async updateMany(tx, keys, change) {
      for (const part of splitKeys(keys)) {
        await tx.db.updateTable('jobs').set(buildJobUpdate(change)).where('key', 'in', part).execute()
      }
      announce(tx, keys)
    },
    async readSecrets(keys) {
      const found = new Map<JobKey, string>()
      for (const part of splitKeys(keys)) {
        const rows = await store.db
          .selectFrom('jobs')
          .select(['key', 'secrets'])
          .where('key', 'in', part)
          .execute()
        for (const { key, secrets } of rows) if (secrets !== null) found.set(key, secrets)
      }
      return found
    },
  }
}

/** Parts small enough for one statement. */
export function splitKeys<T>(keys: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(keys.length / maxRows) }, (_, index) =>
    keys.slice(index * maxRows, (index + 1) * maxRows),
  )
}

async function findJobs(db: Database, keys: readonly JobKey[], lock: boolean): Promise<Map<JobKey, Job>> {
  const found = new Map<JobKey, Job>()
  // In one order everywhere, so that two who lock the same jobs do not wait for each other.
  for (const part of splitKeys(keys.toSorted())) {
    let query = db.selectFrom('jobs').select(jobColumns).where('key', 'in', part)
    if (lock) query = query.orderBy('key').forUpdate()
    for (const row of await query.execute()) found.set(row.key, parseJobRow(row))
  }
  return found
}

async function listJobs(db: Database, filter: JobFilter): Promise<Job[]> {
  const { kind, userId, subject, states, active, before, after, limit = defaultLimit } = filter
  // An empty list is no SQL.
  if (states?.length === 0) return []
  const order = filter.oldestFirst === true ? 'asc' : 'desc'
  let query = db.selectFrom('jobs').select(jobColumns).orderBy('id', order).limit(limit)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  if (states !== undefined) query = query.where('state', 'in', states)
  if (active !== undefined) query = query.where('state', active ? 'not in' : 'in', endedJobStates)
  if (before !== undefined) {
    query = query.where('id', '<', (jobs) => jobs.selectFrom('jobs').select('id').where('key', '=', before))
  }
  if (after !== undefined) {
    query = query.where('id', '>', (jobs) => jobs.selectFrom('jobs').select('id').where('key', '=', after))
  }
  return (await query.execute()).map(parseJobRow)
}

async function listActiveJobs(db: Database, driver: string, keys?: readonly JobKey[]): Promise<Job[]> {
  const query = db
    .selectFrom('jobs')
    .select(jobColumns)
    .where('driver', '=', driver)
    .where('state', 'in', ['pending', 'starting', 'running', 'stopping', 'unknown'])
  if (keys === undefined) return (await query.orderBy('id').execute()).map(parseJobRow)
  const jobs: Job[] = []
  for (const part of splitKeys(keys)) {
    jobs.push(...(await query.where('key', 'in', part).orderBy('id').execute()).map(parseJobRow))
  }
  return jobs
}
