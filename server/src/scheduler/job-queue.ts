import type { JobKind } from '@atrium/contract/jobs.ts'
import { type Kysely, sql } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'
import type { Tables } from '#store/tables.ts'
import type { JobKey } from './job.ts'
import type { JobWait } from './job-record.ts'
import { countClusters } from './quota.ts'
import type { QuotaClaim } from './quota-ledger.ts'

/** Starts the guess of a waiting time rests on, and how few are too few for one. */
const rememberedStarts = 20
const leastStarts = 3

/** What a person waits for goes before what computes. */
export const defaultPriorities: Readonly<Record<JobKind, number>> = {
  server: 100,
  app: 100,
  'dask-scheduler': 100,
  'environment-build': 80,
  engine: 50,
  'dask-worker': 50,
  batch: 20,
  backup: 10,
}

/** A job in the queue: its claim on quotas and what is said of its waiting. */
export interface QueuedJob extends QuotaClaim {
  driver: string
  attempts: number
  reason: string | null
}

/**
 * The queue in the order in which jobs get their turn. Policy: by priority; then each user's jobs in turn, counting what a user's jobs
 * hold already, so that one user's thousand workers do not stand before everybody else's first; then by age.
 */
export async function listQueuedJobs(db: Kysely<Tables>): Promise<QueuedJob[]> {
  const rows = await db
    .with('held', (held) =>
      held
        .selectFrom('quota_entries')
        .select(({ fn }) => ['subject_id', fn.countAll<number>().as('count')])
        .where('subject_kind', '=', 'user')
        .groupBy('subject_id'),
    )
    .selectFrom('jobs')
    .leftJoin('held', 'held.subject_id', 'jobs.user_id')
    .select([
      'jobs.key',
      'jobs.kind',
      'jobs.driver',
      'jobs.attempts',
      'jobs.reason',
      'jobs.user_id as userId',
      'jobs.group_id as groupId',
      'servers',
      'workers',
      'cpu',
      'memory_bytes as memoryBytes',
      'gpu',
      sql<number>`coalesce(held.count, 0) + row_number() over
        (partition by jobs.user_id, jobs.priority order by jobs.id)`.as('turn'),
    ])
    .where('jobs.state', '=', 'queued')
    .where('jobs.desired', '=', 'run')
    .orderBy('jobs.priority', 'desc')
    .orderBy('turn')
    .orderBy('jobs.id')
    .execute()
  return rows.map(({ turn: _, servers, workers, cpu, memoryBytes, gpu, ...row }) => ({
    ...row,
    amounts: { servers, clusters: countClusters(row.kind), workers, cpu, memoryBytes, gpu },
  }))
}

/** Everybody's place in line and when their turn may come, guessed from the pace of the last starts; the first in line first. */
export async function listPlaces({
  store,
  clock,
}: {
  store: Store
  clock: Clock
}): Promise<ReadonlyMap<JobKey, JobWait>> {
  const [queue, paceMs] = [await listQueuedJobs(store.db), await measurePace(store, clock)]
  const now = clock.now()
  return new Map(
    queue.map(({ key }, index) => {
      const place = index + 1
      return [key, paceMs === undefined ? { place } : { place, estimatedStartMs: now + place * paceMs }]
    }),
  )
}

/** Mean time between starts, undefined while there were too few to tell. A pause since the last one counts. */
async function measurePace(store: Store, clock: Clock): Promise<number | undefined> {
  const rows = await store.db
    .selectFrom('jobs')
    .select('submitted_at')
    .where('submitted_at', 'is not', null)
    .orderBy('id', 'desc')
    .limit(rememberedStarts)
    .execute()
  if (rows.length < leastStarts) return undefined
  const oldest = Math.min(...rows.map((row) => row.submitted_at ?? 0))
  return Math.max(0, clock.now() - oldest) / rows.length
}
