import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { DaskSettings } from './cluster-jobs.ts'
import { type ClusterChange, type ClusterRecord, lockCluster, updateCluster } from './cluster-records.ts'
import type { AdaptBounds, Scaling } from './clusters.ts'
import { findWorkerLimit } from './worker-limit.ts'

/** Takes wishes for another size; see `Clusters`. */
export interface ClusterScaler {
  scale(name: string, workers: number, actor: Actor): Promise<Scaling>
  adapt(name: string, bounds: AdaptBounds, actor: Actor): Promise<Scaling>
}

interface ClusterScalerOptions {
  store: Store
  jobs: Pick<Jobs, 'quotas'>
  settings: Pick<DaskSettings, 'maximumWorkers'>
  clock: Clock
}

/** See `ClusterScaler`. */
export function createClusterScaler(options: ClusterScalerOptions): ClusterScaler {
  return {
    scale: (name, workers, actor) =>
      change(options, { name, actor }, (_, limit) => {
        const wanted = Math.min(workers, limit)
        const message =
          workers > limit
            ? `Scale request of ${workers} workers would exceed resource limit of ${limit} workers. Scaling to ${limit} instead.`
            : undefined
        return {
          change: { wanted, adapt: null },
          scaling: { workers: wanted, ...(message === undefined ? {} : { message }) },
        }
      }),
    adapt: (name, bounds, actor) =>
      change(options, { name, actor }, (cluster, limit) =>
        bounds.active
          ? cutBounds(cluster, bounds, limit)
          : { change: { adapt: null }, scaling: { workers: cluster.wanted } },
      ),
  }
}

interface Decision {
  change: ClusterChange
  scaling: Scaling
}

/** In the words of Dask Gateway, which clients show as they are. */
function cutBounds({ wanted }: ClusterRecord, bounds: AdaptBounds, limit: number): Decision {
  const [lower, upper] = [bounds.minimum ?? 0, bounds.maximum ?? limit]
  const minimum = Math.min(lower, limit)
  const maximum = Math.max(minimum, Math.min(upper, limit))
  const message =
    lower > limit || upper > limit
      ? `Adapt with \`maximum=${upper}, minimum=${lower}\` workers would exceed resource limit of ${limit} workers. Using \`maximum=${maximum}, minimum=${minimum}\` instead.`
      : undefined
  return {
    change: { adapt: { minimum, maximum }, wanted: Math.min(maximum, Math.max(minimum, wanted)) },
    scaling: { minimum, maximum, ...(message === undefined ? {} : { message }) },
  }
}

function change(
  { store, jobs, settings, clock }: ClusterScalerOptions,
  { name, actor }: { name: string; actor: Actor },
  decide: (cluster: ClusterRecord, limit: number) => Decision,
): Promise<Scaling> {
  return store.transaction(async (tx: StoreTransaction) => {
    const cluster = await lockCluster(tx, { name })
    if (cluster === undefined) throw new PlatformError('not_found', { message: `Cluster ${name} not found` })
    if (cluster.desired === 'stop') {
      throw new PlatformError('conflict', { message: `cluster ${name} is not running` })
    }
    const limits = await jobs.quotas.limitsOf({ userId: cluster.userId }, tx)
    const { workers: limit } = findWorkerLimit(cluster.settings, limits, settings.maximumWorkers)
    const decision = decide(cluster, limit)
    // Whoever asks for workers wants them tried at once, whatever came of the last ones.
    const anew = { losses: 0, lostAtMs: null, replaceAtMs: null, trouble: null }
    await updateCluster(tx, cluster.id, { ...decision.change, ...anew, wish: cluster.wish + 1 })
    const { message: _, ...size } = decision.scaling
    await recordAudit(tx, clock, {
      actor,
      action: 'cluster.scale',
      target: `cluster:${cluster.user}/${name}`,
      detail: { ...size },
    })
    return decision.scaling
  })
}
