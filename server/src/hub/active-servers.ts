import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Logger } from '#platform/log.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Change, Store } from '#store/store.ts'

import { parseServerSubject } from './server-job.ts'
import { listServers, type ServerRecord } from './server-records.ts'

/** A server whose job has not ended. */
export interface ActiveServer {
  record: ServerRecord
  job: Job
}

/** Ids of servers that were looked at again: active ones, and those that are not any more. */
export interface ServerChanges {
  current: readonly ActiveServer[]
  /** Not active any more, or gone: what was last known of them. */
  ended: readonly ActiveServer[]
}

/**
 * All active servers, in memory: what user listings, the edge's routes and the idle stop ask all the time. It follows the store's
 * changes, so that its cost follows the active servers and an answer is never older than what this replica has committed.
 */
export interface ActiveServers {
  all(): Promise<readonly ActiveServer[]>
  ofUser(userId: number): Promise<readonly ActiveServer[]>
  /** By user id; users without any are absent. Only to be read, and at once: it is the live one. */
  byUser(): Promise<ReadonlyMap<number, ReadonlyMap<number, ActiveServer>>>
  find(serverId: number): Promise<ActiveServer | undefined>
  /** Calls `listener` after servers were looked at again. The first look of all is no change. */
  onChange(listener: (changes: ServerChanges) => void): () => void
  close(): void
}

interface ActiveServersOptions {
  store: Store
  jobs: Pick<Jobs, 'findMany' | 'list' | 'subscribe'>
  log: Logger
}

/** See `ActiveServers`. */
export function createActiveServers(options: ActiveServersOptions): ActiveServers {
  const view = new ActiveServersView(options)
  return {
    all: async () => [...(await view.settled()).values()],
    ofUser: async (userId) => {
      await view.settled()
      return [...(view.byUser.get(userId)?.values() ?? [])]
    },
    byUser: async () => {
      await view.settled()
      return view.byUser
    },
    find: async (serverId) => (await view.settled()).get(serverId),
    onChange: (listener) => view.listen(listener),
    close: () => view.close(),
  }
}

class ActiveServersView {
  readonly byUser = new Map<number, Map<number, ActiveServer>>()
  readonly #options: ActiveServersOptions
  readonly #servers = new Map<number, ActiveServer>()
  readonly #byJob = new Map<JobKey, number>()
  readonly #listeners = new Set<(changes: ServerChanges) => void>()
  readonly #unsubscribe: readonly (() => void)[]
  #stale: Set<number> | 'all' = 'all'
  #loaded = false
  #refreshing: Promise<void> | undefined

  constructor(options: ActiveServersOptions) {
    this.#options = options
    this.#unsubscribe = [
      options.store.onChange((changes) => this.#onStoreChange(changes)),
      options.jobs.subscribe((keys) => this.#onJobChange(keys)),
    ]
  }

  /** The servers once everything announced so far has been looked at. */
  async settled(): Promise<ReadonlyMap<number, ActiveServer>> {
    while (this.#isStale() || this.#refreshing !== undefined) await this.#refresh()
    return this.#servers
  }

  listen(listener: (changes: ServerChanges) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    for (const stop of this.#unsubscribe) stop()
    this.#listeners.clear()
  }

  #isStale(): boolean {
    return this.#stale === 'all' || this.#stale.size > 0
  }

  #onStoreChange(changes: readonly Change[]): void {
    for (const { topic, key } of changes) {
      if (topic === 'server') this.#markStale(key === '*' ? 'all' : [Number(key)])
      // A user's name is part of their servers.
      else if (topic === 'user') this.#markStale(key === '*' ? 'all' : this.#serversOf(key))
    }
    this.#refreshSoon()
  }

  #onJobChange(keys: readonly JobKey[]): void {
    if (keys.includes('*')) this.#markStale('all')
    else this.#markStale(keys.flatMap((key) => this.#byJob.get(key) ?? []))
    this.#refreshSoon()
  }

  #serversOf(user: string): readonly number[] {
    const servers: number[] = []
    for (const [id, { record }] of this.#servers) if (record.user === user) servers.push(id)
    return servers
  }

  #markStale(ids: readonly number[] | 'all'): void {
    if (ids === 'all') this.#stale = 'all'
    else if (this.#stale !== 'all') for (const id of ids) this.#stale.add(id)
  }

  /** Nobody may be asking, but listeners want to know. */
  #refreshSoon(): void {
    if (!this.#loaded || !this.#isStale() || this.#listeners.size === 0) return
    this.settled().catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'active servers could not be read'),
    )
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refreshOnce(): Promise<void> {
    const stale = this.#stale
    this.#stale = new Set()
    try {
      const active = await (stale === 'all' ? this.#readAll() : this.#read([...stale]))
      const wasLoaded = this.#loaded
      const changes = this.#apply(stale === 'all' ? [...this.#servers.keys()] : stale, active)
      this.#loaded = true
      if (wasLoaded) for (const listener of this.#listeners) listener(changes)
    } catch (error) {
      this.#markStale(stale === 'all' ? 'all' : [...stale])
      throw error
    }
  }

  async #readAll(): Promise<readonly ActiveServer[]> {
    const { store, jobs } = this.#options
    const active = await jobs.list({ kind: 'server', active: true, limit: Number.MAX_SAFE_INTEGER })
    const ids = new Set(active.flatMap(({ subject }) => parseServerSubject(subject) ?? []))
    const records = await listServers(store.db, [...ids])
    return pair(records, new Map(active.map((job) => [job.key, job])))
  }

  async #read(ids: readonly number[]): Promise<readonly ActiveServer[]> {
    const { store, jobs } = this.#options
    const records = await listServers(store.db, ids)
    return pair(records, await jobs.findMany(records.flatMap(({ jobKey }) => jobKey ?? [])))
  }

  #apply(looked: Iterable<number>, active: readonly ActiveServer[]): ServerChanges {
    const ended: ActiveServer[] = []
    const activeIds = new Set(active.map(({ record }) => record.id))
    for (const id of looked) {
      const before = this.#servers.get(id)
      if (before === undefined) continue
      this.#drop(before)
      if (!activeIds.has(id)) ended.push(before)
    }
    for (const server of active) this.#put(server)
    return { current: active, ended }
  }

  #drop({ record, job }: ActiveServer): void {
    this.#servers.delete(record.id)
    this.#byJob.delete(job.key)
    const ofUser = this.byUser.get(record.userId)
    ofUser?.delete(record.id)
    if (ofUser?.size === 0) this.byUser.delete(record.userId)
  }

  #put(server: ActiveServer): void {
    const { record, job } = server
    this.#servers.set(record.id, server)
    this.#byJob.set(job.key, record.id)
    const ofUser = this.byUser.get(record.userId) ?? new Map<number, ActiveServer>()
    this.byUser.set(record.userId, ofUser.set(record.id, server))
  }
}

/** Records with the job each names, unless it has ended. */
function pair(records: readonly ServerRecord[], jobs: ReadonlyMap<JobKey, Job>): readonly ActiveServer[] {
  return records.flatMap((record) => {
    const job = record.jobKey === null ? undefined : jobs.get(record.jobKey)
    return job === undefined || hasEnded(job.state) ? [] : [{ record, job }]
  })
}
