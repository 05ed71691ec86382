import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import type { Cluster, Clusters } from './clusters.ts'

/** See `Clusters.waitForStart`. */
export async function waitForClusterStart(
  { store, jobs, find }: { store: Store; jobs: Pick<Jobs, 'subscribe'>; find: Clusters['find'] },
  name: string,
  { atMostMs, signal }: { atMostMs: number; signal: AbortSignal },
): Promise<Cluster | undefined> {
  let change = Promise.withResolvers<void>()
  const wake = () => change.resolve()
  let cluster = await find(name)
  if (cluster?.state !== 'pending') return cluster
  const { id, schedulerJob } = cluster
  const stops = [
    store.onChange((changes) => {
      if (changes.some(({ topic, key }) => topic === 'cluster' && (key === '*' || key === String(id)))) wake()
    }),
    jobs.subscribe((keys) => {
      if (keys.some((key) => key === '*' || key === schedulerJob)) wake()
    }),
  ]
  const over = AbortSignal.any([signal, AbortSignal.timeout(atMostMs)])
  over.addEventListener('abort', wake)
  try {
    for (;;) {
      change = Promise.withResolvers<void>()
      // Read after listening, so that no change is missed.
      cluster = await find(name)
      if (cluster?.state !== 'pending' || over.aborted) return cluster
      await change.promise
    }
  } finally {
    for (const stop of stops) stop()
    over.removeEventListener('abort', wake)
  }
}
