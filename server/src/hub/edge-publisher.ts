import type { Edge, EdgeChange, EdgeCredential, Route } from '#edge/edge.ts'
import type { Services } from '#identity/services.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobEndpoint } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Change, ChangeTopic, Store } from '#store/store.ts'

import type { ActiveServers, ServerChanges } from './active-servers.ts'
import { buildServerRoute, buildServiceRoute, findWantedRoute } from './edge-routes.ts'
import { hubLeaseName, type LeaderPart, type Term } from './leadership.ts'
import { parseServerSubject } from './server-job.ts'
import { buildRoutePrefix } from './server-paths.ts'

/** Sessions and tokens as the edge has to know them; identity's part. */
export interface CredentialSource {
  /** All that are good now. */
  list(): Promise<readonly EdgeCredential[]>
  /** What the store's changes mean for what the edge knows; the same change may come again. */
  follow(changes: readonly Change[]): Promise<readonly EdgeChange[]>
}

/** Keeps the edge in step with the store: routes, credentials, control planes. */
export interface EdgePublisher {
  /** The work of the leader: everything at the start and after the edge's restart, then each change as it comes. */
  readonly lead: LeaderPart
  /**
   * Makes a server's route live before it is said to be ready, on whatever replica. Rejects while the edge cannot be reached: then it is
   * not ready.
   */
  ensureLive(job: Job, endpoint: JobEndpoint): Promise<void>
  /** Tells the edge everything again. On a replica that does not lead, the leader is asked to. */
  resync(): Promise<void>
  /** Every route that should be there, by prefix. */
  listRoutes(): Promise<ReadonlyMap<string, Route>>
  /** What pushes to the edge are fenced by: the own lease's number while this replica leads, else the leader's as last read. */
  fence(): number
}

export interface EdgePublisherOptions {
  edge: Edge
  store: Store
  active: ActiveServers
  services: Pick<Services, 'list'>
  credentials: CredentialSource
  clock: Clock
  log: Logger
  /** How often control planes that died are left out. */
  everyMs: number
  /** A replica that was not seen for this long is dead. */
  replicaPatienceMs: number
}

/** The change that asks the leader for `resync`. */
const resyncKey = 'edge-resync'
/** The busiest topics; they change nobody's access. */
const withoutCredentials: ReadonlySet<ChangeTopic> = new Set([
  'job',
  'job-wanted',
  'job-event',
  'replica',
  'setting',
])

/** See `EdgePublisher`. */
export function createEdgePublisher(options: EdgePublisherOptions): EdgePublisher {
  let term: PublisherTerm | undefined
  let fence = 0
  return {
    fence: () => fence,
    async lead(leaderTerm) {
      const current = new PublisherTerm(options, leaderTerm)
      term = current
      fence = leaderTerm.lease.fence
      try {
        await current.run()
      } finally {
        term = undefined
      }
    },
    async ensureLive(job, endpoint) {
      const id = parseServerSubject(job.subject)
      const server = id === undefined ? undefined : await options.active.find(id)
      const route = server === undefined ? undefined : buildServerRoute(server.record, endpoint)
      if (route === undefined) return
      if (term !== undefined) return term.putEarly(route, job.key)
      fence = await readLeaderFence(options.store)
      await options.edge.apply([{ type: 'route-put', route }])
    },
    async resync() {
      if (term !== undefined) return term.publishAll()
      await options.store.transaction(async (tx) => tx.changed('setting', resyncKey))
    },
    listRoutes: () => listWantedRoutes(options),
  }
}

/** A replica that does not lead may add a route on behalf of the one that does. */
async function readLeaderFence({ db }: Store): Promise<number> {
  const lease = await db
    .selectFrom('leases')
    .select('fence')
    .where('name', '=', hubLeaseName)
    .executeTakeFirst()
  return lease?.fence ?? 0
}

/** What one leader has told the edge, and the order it tells it in. */
class PublisherTerm {
  readonly #options: EdgePublisherOptions
  readonly #signal: AbortSignal
  readonly #published = new Map<string, Route>()
  /** Routes that are live before their job is ready, by prefix: they are wanted although no record says so yet. */
  readonly #early = new Map<string, string>()
  #controlPlanes = ''
  #queue: Promise<unknown> = Promise.resolve()
  #isWhole = false

  constructor(options: EdgePublisherOptions, { signal }: Term) {
    this.#options = options
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { edge, store, active, clock, everyMs } = this.#options
    const stops = [
      active.onChange((changes) => this.#try(() => this.#publishServers(changes))),
      store.onChange((changes) => this.#onStoreChange(changes)),
      edge.onReset(() => this.#repair()),
    ]
    try {
      this.#repair()
      while (!this.#signal.aborted) {
        await clock.sleep(everyMs, { signal: this.#signal }).catch(() => {})
        if (this.#isWhole) this.#try(() => this.#publishControlPlanes())
        else this.#repair()
      }
    } finally {
      for (const stop of stops) stop()
      await this.#queue
    }
  }

  /** Resolves when the edge knows everything that is true at the call. */
  publishAll(): Promise<void> {
    return this.#inTurn(() => this.#replace())
  }

  /** The job is not ready as far as the store knows, so the route is held until it is, or has ended. */
  putEarly(route: Route, jobKey: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#early.set(route.prefix, jobKey)
      await this.#apply(this.#putRoute(route))
    })
  }

  /** One after the other: what is told last is what was read last. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => (this.#signal.aborted ? undefined : work()))
    this.#queue = done.catch(() => {})
    return done
  }

  /** For what nobody waits for: after a failure everything is told anew as soon as that works. */
  #try(work: () => Promise<void>): void {
    this.#inTurn(work).catch((error: unknown) => {
      this.#isWhole = false
      this.#options.log.warn({ err: error }, 'the edge could not be told a change')
    })
  }

  #repair(): void {
    this.#isWhole = false
    this.#try(() => this.#replace())
  }

  #onStoreChange(changes: readonly Change[]): void {
    if (changes.some(({ topic, key }) => key === '*' || (topic === 'setting' && key === resyncKey))) {
      this.#repair()
      return
    }
    const topics = new Set(changes.map(({ topic }) => topic))
    if (topics.has('service')) this.#try(() => this.#publishServices())
    if (topics.has('replica')) this.#try(() => this.#publishControlPlanes())
    const concerning = changes.filter(({ topic }) => !withoutCredentials.has(topic))
    if (concerning.length > 0) this.#try(() => this.#publishCredentials(concerning))
  }

  async #publishCredentials(changes: readonly Change[]): Promise<void> {
    await this.#apply(await this.#options.credentials.follow(changes))
  }

  async #replace(): Promise<void> {
    const { edge, credentials } = this.#options
    const wanted = await listWantedRoutes(this.#options)
    for (const prefix of this.#early.keys()) {
      const route = this.#published.get(prefix)
      if (route !== undefined && !wanted.has(prefix)) wanted.set(prefix, route)
    }
    const controlPlanes = await this.#listControlPlanes()
    await edge.replace({ routes: [...wanted.values()], credentials: await credentials.list(), controlPlanes })
    this.#published.clear()
    for (const [prefix, route] of wanted) this.#published.set(prefix, route)
    this.#controlPlanes = controlPlanes.join()
    this.#isWhole = true
  }

  async #publishServers({ current, ended }: ServerChanges): Promise<void> {
    const changes: EdgeChange[] = []
    for (const { record } of ended) {
      const prefix = buildRoutePrefix(record.user, record.name)
      this.#early.delete(prefix)
      changes.push(...this.#deleteRoute(prefix))
    }
    for (const server of current) {
      const prefix = buildRoutePrefix(server.record.user, server.record.name)
      const route = findWantedRoute(server)
      if (route !== undefined) changes.push(...this.#putRoute(route))
      const isEarly = this.#early.get(prefix) === server.job.key
      if (route !== undefined || !isEarly) this.#early.delete(prefix)
      if (route === undefined && !isEarly) changes.push(...this.#deleteRoute(prefix))
    }
    await this.#apply(changes)
  }

  async #publishServices(): Promise<void> {
    const wanted = await listServiceRoutes(this.#options)
    const known = [...this.#published.values()].filter(({ access }) => access.kind === 'service')
    const gone = known.filter(({ prefix }) => !wanted.has(prefix))
    await this.#apply([
      ...gone.flatMap(({ prefix }) => this.#deleteRoute(prefix)),
      ...[...wanted.values()].flatMap((route) => this.#putRoute(route)),
    ])
  }

  async #publishControlPlanes(): Promise<void> {
    const controlPlanes = await this.#listControlPlanes()
    if (controlPlanes.length === 0 || controlPlanes.join() === this.#controlPlanes) return
    this.#controlPlanes = controlPlanes.join()
    await this.#apply([{ type: 'control-planes', controlPlanes }])
  }

  async #listControlPlanes(): Promise<readonly string[]> {
    const { store, clock, replicaPatienceMs } = this.#options
    const rows = await store.db
      .selectFrom('replicas')
      .select('address')
      .where('seen_at', '>', clock.now() - replicaPatienceMs)
      .orderBy('id')
      .execute()
    return [...new Set(rows.map(({ address }) => address))]
  }

  #putRoute(route: Route): readonly EdgeChange[] {
    const known = this.#published.get(route.prefix)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(route)) return []
    this.#published.set(route.prefix, route)
    return [{ type: 'route-put', route }]
  }

  #deleteRoute(prefix: string): readonly EdgeChange[] {
    return this.#published.delete(prefix) ? [{ type: 'route-delete', prefix }] : []
  }

  /** After a failure nobody knows what the edge has: nothing counts as told until everything was told again. */
  async #apply(changes: readonly EdgeChange[]): Promise<void> {
    if (changes.length === 0) return
    try {
      await this.#options.edge.apply(changes)
    } catch (error) {
      this.#published.clear()
      this.#isWhole = false
      throw error
    }
  }
}

async function listWantedRoutes(
  options: Pick<EdgePublisherOptions, 'active' | 'services'>,
): Promise<Map<string, Route>> {
  const routes = await listServiceRoutes(options)
  for (const server of await options.active.all()) {
    const route = findWantedRoute(server)
    if (route !== undefined) routes.set(route.prefix, route)
  }
  return routes
}

async function listServiceRoutes({
  services,
}: Pick<EdgePublisherOptions, 'services'>): Promise<Map<string, Route>> {
  const routes = (await services.list()).flatMap((service) => buildServiceRoute(service) ?? [])
  return new Map(routes.map((route) => [route.prefix, route]))
}
