import type { Edge, EdgeChange, Route } from '#edge/edge.ts'
import type { EdgeWays, RouteSource } from '#edge/route-source.ts'
import type { EdgeCredentials } from '#identity/edge-credentials.ts'
import type { Services } from '#identity/services.ts'
import type { Logger } from '#platform/log.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Term } from '#store/leadership.ts'
import type { Change, ChangeTopic } from '#store/store.ts'

import type { ActiveServers, ServerChanges } from './active-servers.ts'
import { type ControlPlaneListOptions, listControlPlanes } from './control-plane-list.ts'
import { findWantedRoute } from './edge-routes.ts'
import { findWithdrawn } from './lent-ways.ts'
import { PublishedWays } from './published-ways.ts'
import { buildRoutePrefix } from './server-paths.ts'
import { SourcePublication } from './source-publication.ts'
import { listServiceRoutes, listWantedRoutes } from './wanted-routes.ts'

export interface EdgePublicationOptions extends ControlPlaneListOptions {
  edge: Edge
  active: ActiveServers
  jobs: Pick<Jobs, 'findMany' | 'waitFor'>
  services: Pick<Services, 'list'>
  /** What features want besides. */
  routeSources: readonly RouteSource[]
  credentials: EdgeCredentials
  log: Logger
  /** How often control planes that died are left out. */
  everyMs: number
}

/** The change that asks the leader for `resync`. */
export const resyncKey = 'edge-resync'
/** The busiest topics; they change nobody's access. */
const withoutCredentials: ReadonlySet<ChangeTopic> = new Set([
  'job',
  'job-wanted',
  'job-event',
  'job-news',
  'cluster',
  'run',
  'schedule',
  'replica',
  'setting',
])

/** What one leader has told the edge, and the order it tells it in. */
export class EdgePublication {
  readonly #options: EdgePublicationOptions
  readonly #signal: AbortSignal
  readonly #published = new PublishedWays()
  readonly #sources: SourcePublication
  /** Sources whose change is about to be told. */
  readonly #changedSources = new Set<RouteSource>()
  /** Routes that are live before their job is ready, by prefix: they are wanted although no record says so yet. */
  readonly #early = new Map<string, string>()
  #controlPlanes = ''
  #queue: Promise<unknown> = Promise.resolve()
  /** Changes to what credentials open, of which the edge will hear next. */
  readonly #untold: Change[] = []
  #nextTelling: Promise<void> = Promise.resolve()
  /** The telling of the last such change that anybody may wait for, while it is under way. */
  #telling: Promise<void> | undefined
  #isWhole = false

  constructor(options: EdgePublicationOptions, { signal }: Term) {
    this.#options = options
    this.#signal = signal
    this.#sources = new SourcePublication(this.#published, options)
  }

  async run(): Promise<void> {
    const { edge, store, active, clock, everyMs, routeSources } = this.#options
    const stops = [
      active.onChange((changes) => this.#try(() => this.#publishServers(changes))),
      store.onChange((changes) => this.#onStoreChange(changes)),
      edge.onReset(() => this.#repair()),
      ...routeSources.map((source) => source.onChange(() => this.#onSourceChange(source))),
    ]
    try {
      this.#repair()
      while (!this.#signal.aborted) {
        await clock.sleep(everyMs, { signal: this.#signal }).catch(() => {})
        if (this.#isWhole) this.#try(() => this.#lookAround())
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
      await this.#apply(this.#published.putRoute(route))
    })
  }

  /** The same for ways of a feature; held until its source lists them, or the job has ended. */
  putWaysEarly(ways: EdgeWays, jobKey: JobKey): Promise<void> {
    return this.#inTurn(() => this.#apply(this.#sources.putEarly(ways, jobKey)))
  }

  /** A control plane, maybe the last one, is about to end, and not on the list any more. */
  publishLeaving(): Promise<void> {
    return this.#inTurn(() => this.#publishControlPlanes({ mayBeNone: true }))
  }

  /** Resolves when the edge knows what credentials open since the last change; undefined: it does. Never rejects. */
  whenTold(): Promise<void> | undefined {
    return this.#telling
  }

  /** One after the other: what is told last is what was read last. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => (this.#signal.aborted ? undefined : work()))
    this.#queue = done.catch(() => {})
    return done
  }

  /** For what nobody waits for: after a failure everything is told anew as soon as that works. */
  #try(work: () => Promise<void>): void {
    void this.#attempt(work)
  }

  #attempt(work: () => Promise<void>): Promise<void> {
    return this.#inTurn(work).catch((error: unknown) => {
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
    if (topics.has('setting')) this.#try(() => this.#apply(findWithdrawn(changes, this.#published)))
    if (topics.has('replica')) this.#try(() => this.#publishControlPlanes())
    const concerning = changes.filter(({ topic }) => !withoutCredentials.has(topic))
    if (concerning.length > 0) this.#onAccessChange(concerning)
  }

  /** What changes while others are being told is told together: the sign-ins of a morning are a few pushes. */
  #onAccessChange(changes: readonly Change[]): void {
    if (this.#untold.length === 0) this.#nextTelling = this.#attempt(() => this.#publishCredentials())
    this.#untold.push(...changes)
    // A new user has no credentials yet, and there may be a thousand of them.
    if (changes.every(({ topic }) => topic === 'user')) return
    const telling = this.#nextTelling
    this.#telling = telling
    void telling.then(() => {
      if (this.#telling === telling) this.#telling = undefined
    })
  }

  async #publishCredentials(): Promise<void> {
    const changes = this.#untold.splice(0)
    await this.#apply(await this.#options.credentials.follow(changes))
  }

  async #replace(): Promise<void> {
    const { edge, credentials } = this.#options
    const wanted = await listWantedRoutes(this.#options)
    for (const prefix of this.#early.keys()) {
      const route = this.#published.routes.get(prefix)
      if (route !== undefined && !wanted.has(prefix)) wanted.set(prefix, route)
    }
    const ofSources = await this.#sources.list(this.#options.routeSources)
    const controlPlanes = await listControlPlanes(this.#options)
    const published = new PublishedWays()
    published.replace({ ...ofSources, routes: [...wanted.values(), ...ofSources.routes] })
    const ways = { routes: [...published.routes.values()], tunnels: [...published.tunnels.values()] }
    await edge.replace({ ...ways, credentials: await credentials.list(), controlPlanes })
    this.#published.replace(ways)
    this.#controlPlanes = controlPlanes.join()
    this.#isWhole = true
  }

  async #publishServers({ current, ended }: ServerChanges): Promise<void> {
    const changes: EdgeChange[] = []
    for (const { record } of ended) {
      const prefix = buildRoutePrefix(record.user, record.name)
      this.#early.delete(prefix)
      changes.push(...this.#published.deleteRoute(prefix))
    }
    for (const server of current) {
      const prefix = buildRoutePrefix(server.record.user, server.record.name)
      const route = findWantedRoute(server)
      if (route !== undefined) changes.push(...this.#published.putRoute(route))
      const isEarly = this.#early.get(prefix) === server.job.key
      if (route !== undefined || !isEarly) this.#early.delete(prefix)
      if (route === undefined && !isEarly) changes.push(...this.#published.deleteRoute(prefix))
    }
    await this.#apply(changes)
  }

  #onSourceChange(source: RouteSource): void {
    if (this.#changedSources.has(source)) return
    this.#changedSources.add(source)
    this.#try(async () => {
      this.#changedSources.delete(source)
      await this.#apply(await this.#sources.follow(source))
    })
  }

  async #lookAround(): Promise<void> {
    await this.#publishControlPlanes()
    if (this.#sources.hasEarly) await this.#apply(await this.#sources.forgetEnded())
  }

  async #publishServices(): Promise<void> {
    const wanted = await listServiceRoutes(this.#options)
    const known = [...this.#published.routes.values()].filter(({ access }) => access.kind === 'service')
    const gone = known.filter(({ prefix }) => !wanted.has(prefix))
    await this.#apply([
      ...gone.flatMap(({ prefix }) => this.#published.deleteRoute(prefix)),
      ...[...wanted.values()].flatMap((route) => this.#published.putRoute(route)),
    ])
  }

  /** None at all is a disturbance, unless the last one says that it leaves: edges hold what comes for it then. */
  async #publishControlPlanes({ mayBeNone = false } = {}): Promise<void> {
    const controlPlanes = await listControlPlanes(this.#options)
    if ((controlPlanes.length === 0 && !mayBeNone) || controlPlanes.join() === this.#controlPlanes) return
    this.#controlPlanes = controlPlanes.join()
    await this.#apply([{ type: 'control-planes', controlPlanes }])
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
