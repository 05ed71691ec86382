import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { LeaderPart, Term } from '#store/leadership.ts'
import type { Change } from '#store/store.ts'

import { listActiveIds, parseClusterSubject } from './cluster-records.ts'
import { type Reconciled, type ReconcileOptions, reconcileCluster } from './reconcile-cluster.ts'
import type { TellScheduler } from './scheduler-comm.ts'
import { retireClusters, stopOrphans } from './sweep-clusters.ts'
import { createTelling, type Telling } from './tell-wishes.ts'

export interface ClusterLeaderOptions extends ReconcileOptions {
  jobs: Jobs
  tell: TellScheduler
  log: Logger
  times: ClusterTimes
  /** Wants the end of every cluster. */
  stopEvery(): Promise<void>
}

export interface ClusterTimes {
  /** Between looks at everything, whatever is heard. */
  sweep: number
  /** Between two looks at a cluster of which much is heard. */
  calm: number
  /** After a look that failed. */
  retry: number
  /** For one word to a scheduler. */
  tell: number
  /** Clusters that ended so long ago are forgotten. */
  keep: number
}

export const defaultClusterTimes: ClusterTimes = {
  sweep: 60_000,
  calm: 100,
  retry: 1000,
  tell: 5000,
  keep: 30 * 86_400_000,
}

/** Both databases limit how many values one statement takes. */
const keysPerQuery = 500

/** The work of the leader: brings every cluster to what is wanted of it, step by step, as changes are heard. */
export function createClusterLeader(options: ClusterLeaderOptions): LeaderPart {
  return (term) => new ClusterKeeper(options, term).run()
}

/** What one leader knows of when to look at which cluster. */
class ClusterKeeper {
  readonly #options: ClusterLeaderOptions
  readonly #term: Term
  readonly #clock: Clock
  readonly #telling: Telling
  /** When each is due, by id. */
  readonly #due = new Map<number, number>()
  readonly #lookedAt = new Map<number, number>()
  #sweepAtMs = 0
  #woken = new AbortController()

  constructor(options: ClusterLeaderOptions, term: Term) {
    this.#options = options
    this.#term = term
    this.#clock = options.clock
    this.#telling = createTelling(
      { ...options, timeoutMs: options.times.tell, onTold: (id) => this.#wake(id) },
      term,
    )
  }

  async run(): Promise<void> {
    const { store, jobs } = this.#options
    const { signal } = this.#term
    const stops = [
      store.onChange((changes) => this.#onStoreChange(changes)),
      jobs.subscribe((keys) => this.#onJobChange(keys)),
    ]
    try {
      while (!signal.aborted) {
        await this.#step()
        await this.#rest()
      }
    } finally {
      for (const stop of stops) stop()
      await this.#telling.ended()
    }
  }

  async #step(): Promise<void> {
    this.#woken = new AbortController()
    if (this.#clock.monotonic() >= this.#sweepAtMs) await this.#sweep()
    for (const [id, dueMs] of [...this.#due]) {
      if (this.#term.signal.aborted) return
      if (dueMs <= this.#clock.monotonic()) await this.#look(id)
    }
  }

  async #rest(): Promise<void> {
    const nextMs = Math.min(this.#sweepAtMs, ...this.#due.values())
    const delayMs = Math.max(0, nextMs - this.#clock.monotonic())
    if (delayMs === 0) return
    const signal = AbortSignal.any([this.#term.signal, this.#woken.signal])
    await this.#clock.sleep(delayMs, { signal }).catch(() => {})
  }

  async #look(id: number): Promise<void> {
    this.#due.delete(id)
    this.#lookedAt.set(id, this.#clock.monotonic())
    try {
      this.#follow(id, await reconcileCluster(this.#options, this.#term.lease, id))
    } catch (error) {
      this.#options.log.warn({ err: error, cluster: id }, 'a cluster could not be looked after')
      this.#wake(id, this.#options.times.retry)
    }
  }

  #follow(id: number, reconciled: Reconciled | undefined): void {
    if (reconciled === undefined || reconciled.isOver) {
      this.#lookedAt.delete(id)
      return
    }
    if (reconciled.tell) this.#telling.tell(reconciled)
    if (reconciled.wakeAtMs !== undefined)
      this.#wake(id, Math.max(0, reconciled.wakeAtMs - this.#clock.now()))
  }

  /** Everything is looked at, since a change may not have been heard; what nobody wants is ended, and what nobody needs is forgotten. */
  async #sweep(): Promise<void> {
    const { store, jobs, settings, clock, log, times } = this.#options
    this.#sweepAtMs = this.#clock.monotonic() + times.sweep
    try {
      if (!settings.enabled) await this.#options.stopEvery()
      for (const id of await listActiveIds(store.db)) this.#wake(id)
      const stopped = await stopOrphans({ store, jobs })
      if (stopped > 0) log.warn({ stopped }, 'jobs of clusters that are gone are being stopped')
      await retireClusters(store, clock.now() - times.keep)
    } catch (error) {
      log.warn({ err: error }, 'clusters could not be swept')
      this.#sweepAtMs = this.#clock.monotonic() + times.retry
    }
  }

  #onStoreChange(changes: readonly Change[]): void {
    for (const { topic, key } of changes) {
      if (topic !== 'cluster') continue
      if (key === '*') this.#sweepSoon()
      else this.#wake(Number(key))
    }
  }

  #onJobChange(keys: readonly JobKey[]): void {
    if (keys.includes('*')) this.#sweepSoon()
    const ours = keys.filter((key) => key.startsWith('dask-'))
    if (ours.length === 0) return
    this.#findClusters(ours).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'jobs of clusters could not be read')
      this.#sweepSoon()
    })
  }

  async #findClusters(keys: readonly JobKey[]): Promise<void> {
    for (const subject of await this.#readSubjects(keys)) {
      const id = parseClusterSubject(subject)
      if (id !== undefined) this.#wake(id)
    }
  }

  async #readSubjects(keys: readonly JobKey[]): Promise<ReadonlySet<string>> {
    const subjects = new Set<string>()
    for (let start = 0; start < keys.length; start += keysPerQuery) {
      const rows = await this.#options.store.db
        .selectFrom('jobs')
        .select('subject')
        .distinct()
        .where('key', 'in', keys.slice(start, start + keysPerQuery))
        .execute()
      for (const { subject } of rows) subjects.add(subject)
    }
    return subjects
  }

  #sweepSoon(): void {
    this.#sweepAtMs = 0
    this.#woken.abort()
  }

  /** It is due after `delayMs`, or sooner if it was; never much sooner than `calm` after the last look. */
  #wake(id: number, delayMs = 0): void {
    const nowMs = this.#clock.monotonic()
    const calmMs = (this.#lookedAt.get(id) ?? Number.NEGATIVE_INFINITY) + this.#options.times.calm
    const dueMs = Math.max(nowMs + delayMs, Math.min(calmMs, nowMs + this.#options.times.calm))
    const before = this.#due.get(id)
    if (before !== undefined && before <= dueMs) return
    this.#due.set(id, dueMs)
    this.#woken.abort()
  }
}
