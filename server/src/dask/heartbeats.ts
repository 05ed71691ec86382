import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'

import {
  announceCluster,
  type ClusterChange,
  type ClusterRecord,
  findCluster,
  lockCluster,
  updateCluster,
} from './cluster-records.ts'
import type { HeartbeatReport } from './clusters.ts'
import { listWorkers, markWorkers } from './worker-records.ts'

interface HeartbeatsOptions {
  store: Store
  jobs: Pick<Jobs, 'requestStop'>
  clock: Clock
}

/**
 * Takes in what schedulers say of themselves. They say it every few seconds, on any replica: only what is new is written. See
 * `Clusters.heartbeat`.
 */
export function createHeartbeats({ store, jobs, clock }: HeartbeatsOptions) {
  return async (name: string, report: HeartbeatReport): Promise<void> => {
    const seen = await findCluster(store.db, { name })
    if (seen === undefined || !isNews(await findNews(store.db, seen, report))) return
    await store.transaction(async (tx) => {
      const cluster = await lockCluster(tx, { name })
      if (cluster === undefined || cluster.desired === 'stop') return
      await writeNews(tx, jobs, cluster, await findNews(tx.db, cluster, report), clock.now())
    })
  }
}

/** What a report says that was not known. Workers by their jobs' keys. */
interface News {
  change: ClusterChange
  connected: readonly string[]
  closing: readonly string[]
  gone: readonly string[]
}

function isNews({ change, connected, closing, gone }: News): boolean {
  return Object.keys(change).length + connected.length + closing.length + gone.length > 0
}

async function findNews(
  db: ReadableDatabase,
  cluster: ClusterRecord,
  report: HeartbeatReport,
): Promise<News> {
  const [active, closing, closed] = [report.activeWorkers, report.closingWorkers, report.closedWorkers].map(
    (names) => new Set(names),
  )
  const workers = await listWorkers(db, cluster.id)
  const keys = (isMeant: (worker: (typeof workers)[number]) => boolean | undefined) =>
    workers.filter(isMeant).map(({ job }) => job)
  return {
    change: findChange(cluster, report.count),
    connected: keys(
      ({ job, connectedAtMs }) => connectedAtMs === null && (active?.has(job) || closing?.has(job)),
    ),
    closing: keys(({ job, closingAtMs }) => closingAtMs === null && closing?.has(job)),
    // Its process may be there still, and would be for as long as nobody asks it to end.
    gone: keys(({ job, desired }) => desired === 'run' && closed?.has(job)),
  }
}

/** Adapting, the scheduler says how many workers there are to be, once it knows between which bounds. */
function findChange(
  { reported, adapt, wish, wishTold, wanted }: ClusterRecord,
  count: number,
): ClusterChange {
  const knows = wish === wishTold
  const adapted = adapt === null || !knows ? wanted : clamp(count, adapt)
  // It was told another number by somebody else: it is told again.
  const isAstray = adapt === null && knows && wish > 0 && count !== wanted
  return {
    ...(reported === count ? {} : { reported: count }),
    ...(adapted === wanted ? {} : { wanted: adapted }),
    ...(isAstray ? { wishTold: wish - 1 } : {}),
  }
}

function clamp(count: number, { minimum, maximum }: { minimum: number; maximum: number }): number {
  return Math.min(maximum, Math.max(minimum, count))
}

async function writeNews(
  tx: StoreTransaction,
  jobs: Pick<Jobs, 'requestStop'>,
  cluster: ClusterRecord,
  news: News,
  nowMs: number,
): Promise<void> {
  if (!isNews(news)) return
  await updateCluster(tx, cluster.id, news.change)
  await markWorkers(tx, news.connected, { connected_at: nowMs })
  await markWorkers(tx, news.closing, { closing_at: nowMs })
  await jobs.requestStop(tx, news.gone, { reason: 'left_scheduler', message: 'It left its scheduler.' })
  announceCluster(tx, cluster.id)
}
