import { sql } from 'kysely'

import type { JobKey } from '#scheduler/job.ts'
import type { QueuedJob } from '#scheduler/job-queue.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import type { StoreTransaction } from '#store/store.ts'

/** Schedulers by name, as far as this is concerned. */
export type ProgramLimits = Readonly<Record<string, Pick<Scheduler, 'programsAtOnce'>>>

/**
 * Of the queue, what has to wait for room on a scheduler that has no queue of its own: programs (jobs of kind `batch`) beyond what it runs
 * at a time. One that needs more than that alone runs when no other does.
 */
export async function findHeldBack(
  tx: StoreTransaction,
  queue: readonly QueuedJob[],
  schedulers: ProgramLimits,
): Promise<ReadonlySet<JobKey>> {
  const held = new Set<JobKey>()
  for (const [driver, { programsAtOnce }] of Object.entries(schedulers)) {
    if (programsAtOnce === undefined) continue
    const waiting = queue.filter((job) => job.driver === driver && job.kind === 'batch')
    if (waiting.length === 0) continue
    let used = await readUsed(tx, driver)
    for (const { key, amounts } of waiting) {
      const needed = Math.max(1, amounts.cpu)
      if (used > 0 && used + needed > programsAtOnce) held.add(key)
      else used += needed
    }
  }
  return held
}

async function readUsed({ db }: StoreTransaction, driver: string): Promise<number> {
  const row = await db
    .selectFrom('jobs')
    .select(sql<number | null>`sum(case when cpu > 1 then cpu else 1 end)`.as('used'))
    .where('state', 'in', ['pending', 'starting', 'running', 'stopping', 'unknown'])
    .where('kind', '=', 'batch')
    .where('driver', '=', driver)
    .executeTakeFirst()
  return row?.used ?? 0
}
