import type { EdgeWays } from '#edge/route-source.ts'
import type { User } from '#identity/users.ts'
import { systemActor } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { hashSecret, isSameSecret } from '#platform/secret.ts'
import { probeHttp } from '#scheduler/http-ready-probe.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Jobs, ReadyProbe } from '#scheduler/jobs.ts'
import { createLeadership } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'

import type { DaskSettings } from './cluster-jobs.ts'
import { type ClusterTimes, createClusterLeader, defaultClusterTimes } from './cluster-leader.ts'
import {
  type ClusterRecord,
  findCluster,
  listClusters,
  parseClusterSubject,
  readSealedSecrets,
} from './cluster-records.ts'
import { buildClusterWays } from './cluster-routes.ts'
import { createClusterScaler } from './cluster-scaler.ts'
import { openClusterSecrets } from './cluster-secrets.ts'
import { createClusterStarter } from './cluster-starter.ts'
import { createClusterStopper } from './cluster-stopper.ts'
import { viewClusters, viewWorker } from './cluster-view.ts'
import type { Cluster, ClusterFilter, ClusterState, Clusters } from './clusters.ts'
import { createHeartbeats } from './heartbeats.ts'
import { type TellScheduler, tellScheduler } from './scheduler-comm.ts'
import { waitForClusterStart } from './start-wait.ts'
import { listWorkers } from './worker-records.ts'

/** The lease of whoever looks after clusters. */
const leaseName = 'dask'
const leaseMs = 5000
const defaultLimit = 1000
const switchedOff = {
  actor: systemActor,
  reason: 'switched_off',
  message: 'Dask clusters were switched off.',
}
/** Workers that have ended, of one cluster, in lists. */
const shownEnded = 100

export interface DaskOptions {
  store: Store
  jobs: Jobs
  /** Who the user's jobs run as. Throws `conflict` when the home belongs to somebody else. */
  prepareOwner(user: User): Promise<PreparedOwner>
  box: SealedBox
  clock: Clock
  log: Logger
  /** Unique name of this replica. */
  replica: string
  settings: DaskSettings
  /** Makes ways through the edge live before a scheduler is said to be ready. Rejects while the edge cannot be reached. */
  ensureRoutesLive(ways: EdgeWays, job: JobKey): Promise<void>
  /** Default: by HTTP. */
  tell?: TellScheduler
  times?: Partial<ClusterTimes>
}

/** Dask clusters: what routes and other parts of the control plane use. */
export interface Dask extends Clusters {
  /** What `createJobs` asks of schedulers' jobs before it says that one is ready. */
  readonly isReady: ReadyProbe
  /** Begins to look after clusters whenever this replica leads. */
  start(): void
  /** Clusters go on. */
  close(): Promise<void>
}

/** Wires the feature. Nothing happens by itself before `start`. */
export function createDask(options: DaskOptions): Dask {
  const { store, jobs, settings, replica } = options
  const times = { ...defaultClusterTimes, ...options.times }
  const stopper = createClusterStopper(options)
  const lead = createClusterLeader({
    ...options,
    tell: options.tell ?? tellScheduler,
    times,
    stopEvery: () => stopper.stopEvery(switchedOff),
  })
  const leadership = createLeadership({ ...options, name: leaseName, replica, leaseMs, parts: [lead] })
  const view = { db: store.db, jobs, maximumWorkers: settings.maximumWorkers }
  const viewOne = async (record: ClusterRecord | undefined) =>
    record === undefined ? undefined : (await viewClusters(view, [record]))[0]
  const find = async (name: string) => viewOne(await findCluster(store.db, { name }))
  return {
    create: createClusterStarter(options),
    find,
    async list(filter) {
      return selectStates(await viewClusters(view, await readClusters(store, filter)), filter)
    },
    waitForStart: (name, wait) => waitForClusterStart({ store, jobs, find }, name, wait),
    stop: stopper.stop,
    stopAll: stopper.stopAll,
    ...createClusterScaler(options),
    ...createSecretReader(options, find),
    heartbeat: createHeartbeats(options),
    async workers(name) {
      const cluster = await findCluster(store.db, { name })
      if (cluster === undefined) return []
      const ended = await listWorkers(store.db, cluster.id, { isOver: true, limit: shownEnded })
      return [...(await listWorkers(store.db, cluster.id)), ...ended.toReversed()].map(viewWorker)
    },
    isReady: createClusterReadyProbe(options),
    start: () => leadership.start(),
    close: () => leadership.close(),
  }
}

const overStates: readonly ClusterState[] = ['stopped', 'failed']
const activeStates: readonly ClusterState[] = ['pending', 'running', 'stopping']

/** As few as can be; which state an active one is in is seen later. */
function readClusters(store: Store, { userId, states = activeStates, limit = defaultLimit }: ClusterFilter) {
  const [anyOver, anyActive] = [overStates, activeStates].map((some) =>
    states.some((one) => some.includes(one)),
  )
  return listClusters(store.db, {
    ...(userId === undefined ? {} : { userId }),
    ...(anyOver && anyActive ? {} : { isOver: anyOver === true }),
    limit,
  })
}

function selectStates(
  clusters: readonly Cluster[],
  { states = activeStates }: ClusterFilter,
): readonly Cluster[] {
  return clusters.filter(({ state }) => states.includes(state))
}

function createSecretReader(
  { store, box }: DaskOptions,
  find: Clusters['find'],
): Pick<Clusters, 'verifyToken' | 'readCredentials'> {
  return {
    async verifyToken(name, token) {
      const row = await store.db
        .selectFrom('dask_clusters')
        .select('token_hash')
        .where('name', '=', name)
        .where('stopped_at', 'is', null)
        .executeTakeFirst()
      return row !== undefined && isSameSecret(hashSecret(token), row.token_hash)
    },
    async readCredentials(name) {
      const cluster = await find(name)
      if (cluster?.state !== 'running') return undefined
      const sealed = await readSealedSecrets(store.db, cluster.id)
      const secrets = sealed === null ? undefined : openClusterSecrets(box, sealed)
      return secrets === undefined ? undefined : { certificate: secrets.certificate, key: secrets.key }
    },
  }
}

/** Ready is what a client can connect to: the scheduler answers, and the ways to it are live. */
function createClusterReadyProbe({
  store,
  ensureRoutesLive,
}: Pick<DaskOptions, 'store' | 'ensureRoutesLive'>): ReadyProbe {
  return async (job, endpoint, probe) => {
    const id = parseClusterSubject(job.subject)
    if (id === undefined || !(await probeHttp(job, endpoint, probe))) return false
    const cluster = await findCluster(store.db, { id })
    if (cluster === undefined) return false
    await ensureRoutesLive(buildClusterWays(cluster, endpoint), job.key)
    return true
  }
}
