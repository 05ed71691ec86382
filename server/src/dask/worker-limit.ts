import { buildAmounts, type QuotaDimension, type QuotaLimit, quotaDimensions } from '#scheduler/quota.ts'

import type { ClusterSettings } from './clusters.ts'

/** How many workers a cluster may have, and what says so. */
export interface WorkerLimit {
  workers: number
  /** The quota that leaves no more; absent: configuration. */
  by?: { limit: QuotaLimit; dimension: QuotaDimension }
}

/**
 * The most workers of a cluster that its settings and quotas can ever allow, its scheduler included, were nothing else there. `otherwise`:
 * where nothing says how many.
 */
export function findWorkerLimit(
  settings: ClusterSettings,
  limits: readonly QuotaLimit[],
  otherwise: number,
): WorkerLimit {
  const { cpu, memoryBytes, gpu } = settings.worker
  const worker = buildAmounts('dask-worker', 1, { cpu, memoryBytes, gpu })
  const scheduler = buildAmounts('dask-scheduler', 1, settings.scheduler)
  let found: WorkerLimit = { workers: settings.maximumWorkers ?? Number.POSITIVE_INFINITY }
  for (const limit of limits) {
    for (const dimension of quotaDimensions) {
      const most = limit.limits[dimension]
      if (most === undefined || worker[dimension] <= 0) continue
      // Cores are fractions: a sum of tenths must not fail by rounding.
      const workers = Math.max(0, Math.floor((most - scheduler[dimension]) / worker[dimension] + 1e-9))
      if (workers < found.workers) found = { workers, by: { limit, dimension } }
    }
  }
  return Number.isFinite(found.workers) ? found : { workers: otherwise }
}
