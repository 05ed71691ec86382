import type { JobKey } from '#scheduler/job.ts'
import { insertJobEvents } from '#scheduler/job-events.ts'
import { listQueuedJobs, type QueuedJob } from '#scheduler/job-queue.ts'
import { splitKeys } from '#scheduler/job-store.ts'
import { describeObstacle } from '#scheduler/quota.ts'
import type { StoreTransaction } from '#store/store.ts'
import { findHeldBack, type ProgramLimits } from './hold-back.ts'
import type { ReconcileContext } from './reconcile-context.ts'

/** Jobs that left the queue. */
export interface Admission {
  admitted: readonly JobKey[]
  /** There may be more that can leave it now. */
  hasMore: boolean
}

/**
 * Takes jobs out of the queue in order: those whose share of quotas is free become `pending` in the transaction that takes it, at most
 * a batch; the others learn why they wait. Jobs of drivers that are not configured stay.
 */
export async function admitJobs(context: ReconcileContext, schedulers: ProgramLimits): Promise<Admission> {
  const { settings, fenced, ledger } = context
  if (!(await hasQueue(context))) return { admitted: [], hasMore: false }
  await context.reach('before-admit')
  return fenced(async (tx) => {
    const queue = (await listQueuedJobs(tx.db)).filter((job) => Object.hasOwn(schedulers, job.driver))
    const held = await findHeldBack(tx, queue, schedulers)
    const free = queue.filter(({ key }) => !held.has(key))
    const { taken, obstacles } = await ledger.take(tx, free, { atMost: settings.batchSize })
    const admitted = await markPending(tx, taken)
    // Somebody may have stopped it since the queue was read.
    await ledger.giveBack(
      tx,
      taken.filter((key) => !admitted.has(key)),
    )
    const reasons = new Map([...obstacles].map(([key, obstacle]) => [key, describeObstacle(obstacle)]))
    for (const key of held) reasons.set(key, noRoom)
    await explainWaiting(context, tx, queue, reasons)
    return { admitted: [...admitted], hasMore: taken.length === settings.batchSize }
  })
}

const noRoom = { reason: 'machine_busy', message: 'The machine runs as many programs as it has room for.' }

async function hasQueue({ store }: ReconcileContext): Promise<boolean> {
  const rows = await store.db.selectFrom('jobs').select('id').where('state', '=', 'queued').limit(1).execute()
  return rows.length > 0
}

/** Counts the start before the scheduler hears of it, so that a repeated submission has the same key. */
async function markPending(tx: StoreTransaction, keys: readonly JobKey[]): Promise<ReadonlySet<JobKey>> {
  const marked = new Set<JobKey>()
  for (const part of splitKeys(keys)) {
    const rows = await tx.db
      .updateTable('jobs')
      .set(({ eb }) => ({ state: 'pending', attempts: eb('attempts', '+', 1), reason: null, message: null }))
      .where('key', 'in', part)
      .where('state', '=', 'queued')
      .where('desired', '=', 'run')
      .returning('key')
      .execute()
    for (const { key } of rows) {
      marked.add(key)
      tx.changed('job', key)
    }
  }
  return marked
}

/** Records why jobs wait, where that is news. */
async function explainWaiting(
  { jobs, clock }: ReconcileContext,
  tx: StoreTransaction,
  queue: readonly QueuedJob[],
  reasons: ReadonlyMap<JobKey, { reason: string; message: string }>,
): Promise<void> {
  const byReason = new Map<string, { keys: JobKey[]; reason: string; message: string }>()
  for (const job of queue) {
    const why = reasons.get(job.key)
    if (why === undefined) continue
    const { reason, message } = why
    if (reason === job.reason) continue
    const same = byReason.get(message) ?? { keys: [], reason, message: `In the queue. ${message}` }
    same.keys.push(job.key)
    byReason.set(message, same)
  }
  for (const { keys, reason, message } of byReason.values()) {
    await jobs.updateMany(tx, keys, { reason, message })
    const event = { kind: 'progress', message, progress: 5 } as const
    await insertJobEvents(
      tx,
      clock.now(),
      keys.map((key) => ({ key, event })),
    )
  }
}
