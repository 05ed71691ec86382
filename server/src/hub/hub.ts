import type { Edge } from '#edge/edge.ts'
import type { RouteSource } from '#edge/route-source.ts'
import type { EdgeCredentials } from '#identity/edge-credentials.ts'
import type { Identity } from '#identity/identity.ts'
import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { User } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Jobs, ReadyProbe } from '#scheduler/jobs.ts'
import { createLeadership, type LeaderPart } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'
import { type ActiveServers, createActiveServers } from './active-servers.ts'
import { createEdgePublisher, type EdgePublisher } from './edge-publisher.ts'
import { hubLeaseName } from './hub-lease.ts'
import { createIdleProbe } from './idle-probe.ts'
import { createIdleStop, type IdleTimes } from './idle-stop.ts'
import { createKeepRunning, type KeepRunning } from './keep-running.ts'
import type { ProfilesConfig } from './profile-config.ts'
import { createProfileOfferings, type ProfileOfferings } from './profile-offers.ts'
import { createProfiles, type Profiles } from './profiles.ts'
import { createReadyProbe } from './ready-probe.ts'
import { createServerActivity } from './server-activity.ts'
import { createServerCredentials } from './server-credentials.ts'
import { createServerEditor, type ServerEditor } from './server-editor.ts'
import { createServerEndings } from './server-endings.ts'
import type { ServerSettings } from './server-job.ts'
import { createServerModels, type ServerModels, type ServerOwner } from './server-models.ts'
import { ensureDefaultServer, findServer, type ServerRecord } from './server-records.ts'
import { createServerStarter, type ServerStarter } from './server-starter.ts'
import { createServerStopper, type ServerStopper } from './server-stopper.ts'
import { createFindServerToken } from './server-token.ts'
import { createServerView, type ServerView } from './server-view.ts'
import type { ServiceConfig } from './service-config.ts'
import type { ServiceJobSettings } from './service-job.ts'
import { createServiceRunner } from './service-runner.ts'
import { createShareCodes, type ShareCodes } from './share-codes.ts'
import { createShareModels, type ShareModels } from './share-models.ts'
import { createShares, type Shares } from './shares.ts'
import { waitForStart } from './start-wait.ts'
import { createTargetFailures } from './target-failures.ts'

/** Times of the hub, in milliseconds. */
export interface HubTimes {
  /** How long a leader that died keeps others waiting. */
  lease: number
  /** How long a start or stop is waited for before the answer is "on its way"; JupyterHub's `slow_spawn_timeout`. */
  slow: number
  /** How often `last_activity` is written. */
  activity: number
  /** How often the edge's control planes and failed changes are looked at. */
  edge: number
  /** A replica that was not seen for so long is dead. */
  replicaPatience: number
  /** For one question to a server. */
  probe: number
  idle: IdleTimes
}

/** Right for real platforms; tests have their own. */
export const defaultHubTimes: HubTimes = {
  lease: 5000,
  slow: 10_000,
  activity: 15_000,
  edge: 2000,
  replicaPatience: 15_000,
  probe: 5000,
  idle: { tick: 15_000, calm: 5 * 60_000, near: 60_000 },
}

export interface HubOptions {
  store: Store
  jobs: Jobs
  identity: Pick<Identity, 'users' | 'activity' | 'roles' | 'services' | 'tokens' | 'principals'>
  accounts: UnixAccounts
  /** Who a user's jobs run as. Throws `conflict` when the home belongs to somebody else. */
  prepareOwner(user: User): Promise<PreparedOwner>
  edge: Edge
  /** Ways through the edge that other features want. Default: none. */
  routeSources?: readonly RouteSource[]
  credentials: EdgeCredentials
  box: SealedBox
  clock: Clock
  log: Logger
  /** Unique name of this replica; where only one control plane can exist, a constant. */
  replica: string
  servers: ServerSettings
  profiles: ProfilesConfig
  services: readonly ServiceConfig[]
  serviceJobs: ServiceJobSettings
  times?: Partial<HubTimes>
}

/** Notebook servers by JupyterHub's protocol: what routes and other processes of the control plane use. */
export interface Hub {
  /** As far as the scheduler lets each user have them. */
  readonly profiles: ProfileOfferings
  readonly starter: ServerStarter
  readonly stopper: ServerStopper
  readonly editor: ServerEditor
  readonly keepRunning: KeepRunning
  /** JupyterHub's view of servers, and Atrium's own. */
  readonly models: ServerModels
  readonly view: ServerView
  readonly shares: Shares
  readonly shareCodes: ShareCodes
  readonly shareModels: ShareModels
  readonly publisher: EdgePublisher
  /** What `createJobs` asks before it says that a job is ready. */
  readonly isReady: ReadyProbe
  /** False: users have no named servers. */
  readonly allowsNamedServers: boolean
  findServer(user: string, server: string): Promise<ServerRecord | undefined>
  /** The record of a default server, made if it was never started. */
  ensureDefaultServer(owner: ServerOwner): Promise<ServerRecord>
  /** Waits a little, or `waitMs`, for a start: see `start-wait.ts`. */
  waitForStart(key: JobKey, waitMs?: number): Promise<'ready' | 'pending'>
  /** Begins to do, whenever this replica leads, what only one may do. */
  start(): void
  /** Servers and edge go on. */
  close(): Promise<void>
}

/** Wires the hub. Nothing happens by itself before `start`. */
export function createHub(options: HubOptions): Hub {
  const { store, jobs, identity, clock, servers } = options
  const times = { ...defaultHubTimes, ...options.times }
  const profiles = createProfiles(options.profiles)
  const offerings = createProfileOfferings({ ...options, profiles, users: identity.users })
  const active = createActiveServers(options)
  const credentials = createServerCredentials({ ...identity, clock })
  const endings = createServerEndings({ ...options, active, credentials })
  const publisher = createEdgePublisher({
    ...options,
    active,
    services: identity.services,
    routeSources: options.routeSources ?? [],
    everyMs: times.edge,
    replicaPatienceMs: times.replicaPatience,
  })
  const parts = [publisher.lead, endings.lead, ...createLeaderParts(options, times, { profiles, active })]
  const leadership = createLeadership({ ...options, name: hubLeaseName, leaseMs: times.lease, parts })
  return {
    profiles: offerings,
    publisher,
    isReady: createReadyProbe(publisher),
    starter: createServerStarter({
      ...options,
      activity: identity.activity,
      credentials,
      profiles: offerings,
      settings: servers,
    }),
    stopper: createServerStopper({ ...options, active, endings, waitMs: times.slow }),
    editor: createServerEditor({ store, jobs, clock, namedServers: servers.namedServers }),
    keepRunning: createKeepRunning({ store, jobs, profiles, clock }),
    models: createServerModels({ db: store.db, jobs, active, publicUrl: servers.publicUrl }),
    view: createServerView({ db: store.db, jobs, profiles }),
    shares: createShares({ store, clock }),
    shareCodes: createShareCodes({ store, clock }),
    shareModels: createShareModels({ active, publicUrl: servers.publicUrl }),
    allowsNamedServers: servers.namedServers > 0,
    findServer: (user, server) => findServer(store.db, { user, server }),
    ensureDefaultServer: (owner) => ensureDefaultServer({ store, clock }, owner),
    waitForStart: (key, waitMs = times.slow) => waitForStart(jobs, key, waitMs),
    start: () => leadership.start(),
    async close() {
      await leadership.close()
      publisher.close()
      active.close()
    },
  }
}

/** What the leader does besides publishing and settling. */
function createLeaderParts(
  options: HubOptions,
  times: HubTimes,
  { profiles, active }: { profiles: Profiles; active: ActiveServers },
): readonly LeaderPart[] {
  const { store, box, identity } = options
  const { principals, services, tokens } = identity
  const activity = createServerActivity({
    ...options,
    active,
    principals,
    users: identity.activity,
    everyMs: times.activity,
  })
  const idleStop = createIdleStop({
    ...options,
    active,
    profiles,
    activity,
    probe: createIdleProbe({ timeoutMs: times.probe }),
    findToken: createFindServerToken({ db: store.db, box }),
    everyMs: times.idle,
  })
  const runner = createServiceRunner({
    ...options,
    services,
    tokens,
    configured: options.services,
    settings: options.serviceJobs,
    everyMs: times.idle.tick,
  })
  return [activity.lead, idleStop, runner, createTargetFailures({ ...options, active })]
}
