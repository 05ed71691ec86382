import type { Route } from '#edge/edge.ts'
import type { EdgeWays } from '#edge/route-source.ts'
import type { JobEndpoint, JobKey } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { LeaderPart } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'
import { listControlPlanes } from './control-plane-list.ts'
import { EdgePublication, type EdgePublicationOptions, resyncKey } from './edge-publication.ts'
import { buildServerRoute } from './edge-routes.ts'
import { hubLeaseName } from './hub-lease.ts'
import { LentWays } from './lent-ways.ts'
import { PublishedWays } from './published-ways.ts'
import { parseServerSubject } from './server-job.ts'
import { listWantedRoutes } from './wanted-routes.ts'

/** Keeps the edge in step with the store: routes, credentials, control planes. */
export interface EdgePublisher {
  /** The work of the leader: everything at the start and after the edge's restart, then each change as it comes. */
  readonly lead: LeaderPart
  /**
   * Makes a server's route live before it is said to be ready, on whatever replica. Rejects while the edge cannot be reached: then it is
   * not ready.
   */
  ensureLive(job: Job, endpoint: JobEndpoint): Promise<void>
  /**
   * The same for ways of a feature, which its `RouteSource` need not list before the job is ready. A leader holds them until the source does,
   * or the job has ended.
   */
  ensureRoutesLive(ways: EdgeWays, jobKey: JobKey): Promise<void>
  /** Tells the edge everything again. On a replica that does not lead, the leader is asked to. */
  resync(): Promise<void>
  /**
   * Resolves when edges send nothing more to this control plane, which is off the list of those that serve already: while there is no other
   * they hold requests.
   */
  announceLeaving(): Promise<void>
  /**
   * Resolves when the edge lets in and keeps out whom the last change of a token, session, share, group or role said, or cannot be told so
   * within a second. Undefined: there is nothing to wait for, or another replica tells it.
   */
  whenTold(): Promise<void> | undefined
  /** Every route that should be there, by prefix. */
  listRoutes(): Promise<ReadonlyMap<string, Route>>
  /** What pushes to the edge are fenced by: the own lease's number while this replica leads, else the leader's as last read. */
  fence(): number
  /** True while this replica tells the edge everything. */
  leads(): boolean
  /** Routes stay. */
  close(): void
}

const toldWithinMs = 1000

/** See `EdgePublisher`. */
export function createEdgePublisher(options: EdgePublicationOptions): EdgePublisher {
  let term: EdgePublication | undefined
  let fence = 0
  const lent = new LentWays(options)
  /** A replica that does not lead may add ways on behalf of the one that does. */
  async function lend(ways: EdgeWays, jobKey: JobKey) {
    fence = await readLeaderFence(options.store)
    lent.add(ways, jobKey)
    await options.edge.apply(new PublishedWays().put(ways))
  }
  return {
    fence: () => fence,
    leads: () => term !== undefined,
    close: () => lent.close(),
    async lead(leaderTerm) {
      const current = new EdgePublication(options, leaderTerm)
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
      await lend({ routes: [route], tunnels: [] }, job.key)
    },
    async ensureRoutesLive(ways, jobKey) {
      if (term !== undefined) return term.putWaysEarly(ways, jobKey)
      await lend(ways, jobKey)
    },
    async resync() {
      if (term !== undefined) return term.publishAll()
      await options.store.transaction(async (tx) => tx.changed('setting', resyncKey))
    },
    async announceLeaving() {
      if (term !== undefined) return term.publishLeaving()
      const controlPlanes = await listControlPlanes(options)
      if (controlPlanes.length === 0) return
      fence = await readLeaderFence(options.store)
      await options.edge.apply([{ type: 'control-planes', controlPlanes }])
    },
    whenTold() {
      const telling = term?.whenTold()
      return telling === undefined ? undefined : withinPatience(telling)
    },
    async listRoutes() {
      const routes = await listWantedRoutes(options)
      for (const source of options.routeSources) {
        for (const route of (await source.list()).routes) routes.set(route.prefix, route)
      }
      return routes
    },
  }
}

/** An edge that is being started again keeps no answer for long. */
async function withinPatience(telling: Promise<void>): Promise<void> {
  const patience = Promise.withResolvers<void>()
  const timer = setTimeout(patience.resolve, toldWithinMs)
  await Promise.race([telling, patience.promise])
  clearTimeout(timer)
}

async function readLeaderFence({ db }: Store): Promise<number> {
  const lease = await db
    .selectFrom('leases')
    .select('fence')
    .where('name', '=', hubLeaseName)
    .executeTakeFirst()
  return lease?.fence ?? 0
}
