import { endedJobStates } from '@atrium/contract/jobs.ts'
import { sql } from 'kysely'

import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

/**
 * Ends jobs of clusters that are gone: their owner was deleted while they were being started. Answers how many. A cluster and its jobs are
 * written together, so a cluster that is not there then was removed.
 */
export async function stopOrphans({
  store,
  jobs,
}: {
  store: Store
  jobs: Pick<Jobs, 'requestStop'>
}): Promise<number> {
  const rows = await store.db
    .selectFrom('jobs')
    .select('key')
    .where('kind', 'in', ['dask-scheduler', 'dask-worker'])
    .where('state', 'not in', endedJobStates)
    .where('desired', '=', 'run')
    .where('subject', 'not in', (clusters) =>
      clusters
        .selectFrom('dask_clusters')
        .select(sql<string>`'cluster:' || id`.as('subject'))
        .where('stopped_at', 'is', null),
    )
    .execute()
  if (rows.length === 0) return 0
  const keys = rows.map(({ key }) => key)
  await store.transaction((tx) => jobs.requestStop(tx, keys, { reason: 'cluster_removed' }))
  return keys.length
}

/** Forgets clusters that ended before `beforeMs`. Their use stays counted. */
export async function retireClusters(store: Store, beforeMs: number): Promise<void> {
  await store.db.deleteFrom('dask_clusters').where('stopped_at', '<', beforeMs).execute()
  await store.db.deleteFrom('dask_workers').where('ended_at', '<', beforeMs).execute()
}
