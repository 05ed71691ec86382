import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { type ClusterRecord, listClusters, lockCluster, updateCluster } from './cluster-records.ts'
import type { ClusterStop } from './clusters.ts'
import { listWorkers } from './worker-records.ts'

export interface ClusterStopper {
  /** See `Clusters.stop`. */
  stop(name: string, stop: ClusterStop): Promise<void>
  /** See `Clusters.stopAll`. */
  stopAll(user: Pick<User, 'id'>, actor: Actor): Promise<void>
  stopEvery(why: ClusterStop): Promise<void>
}

const everyActive = { isOver: false, limit: Number.MAX_SAFE_INTEGER }

interface ClusterStopperOptions {
  store: Store
  jobs: Pick<Jobs, 'requestStop'>
  clock: Clock
}

/** Stops clusters, whatever they are in the middle of. */
export function createClusterStopper(options: ClusterStopperOptions): ClusterStopper {
  const { store } = options
  const stop: ClusterStopper['stop'] = (name, wish) =>
    store.transaction(async (tx) => {
      const cluster = await lockCluster(tx, { name })
      if (cluster !== undefined && cluster.desired === 'run') await writeStop(tx, options, cluster, wish)
    })
  return {
    stop,
    async stopAll({ id }, actor) {
      for (const { name } of await listClusters(store.db, { ...everyActive, userId: id })) {
        await stop(name, { actor, reason: 'owner_removed' })
      }
    },
    async stopEvery(why) {
      for (const { name } of await listClusters(store.db, everyActive)) await stop(name, why)
    },
  }
}

async function writeStop(
  tx: StoreTransaction,
  { jobs, clock }: ClusterStopperOptions,
  cluster: ClusterRecord,
  { actor, reason, message, failed = false }: ClusterStop,
): Promise<void> {
  await writeEnd(tx, jobs, cluster, {
    outcome: failed ? 'failed' : 'stopped',
    reason,
    message: message ?? null,
  })
  await recordAudit(tx, clock, {
    actor,
    action: 'cluster.stop',
    target: `cluster:${cluster.user}/${cluster.name}`,
    detail: { reason },
  })
}

/** How a cluster is to end. */
export interface ClusterEnd {
  outcome: 'stopped' | 'failed'
  reason: string
  message: string | null
  logTail?: string
}

/** Marks the cluster, which must be locked, as to be stopped, and wants the end of all its jobs. */
export async function writeEnd(
  tx: StoreTransaction,
  jobs: Pick<Jobs, 'requestStop'>,
  cluster: Pick<ClusterRecord, 'id' | 'schedulerJob'>,
  { outcome, reason, message, logTail }: ClusterEnd,
): Promise<void> {
  await updateCluster(tx, cluster.id, {
    desired: 'stop',
    outcome,
    reason,
    message,
    logTail: logTail ?? null,
    trouble: null,
  })
  const workers = await listWorkers(tx.db, cluster.id)
  const keys = [cluster.schedulerJob, ...workers.map(({ job }) => job)]
  await jobs.requestStop(tx, keys, {
    reason: 'cluster_stopped',
    message: message ?? 'Its cluster was stopped.',
  })
}
