import { sql } from 'kysely'

import { splitKeys } from '#scheduler/job-store.ts'
import type { ReadableDatabase } from '#store/store.ts'
import type { UsedAmounts } from './job-use.ts'

const gibibyte = 2 ** 30

/**
 * What the jobs of each subject (`cluster:3`) had to themselves up to now, as far as their records are kept; of one that started anew, the
 * last start. Subjects that used nothing are left out.
 */
export async function readSubjectUse(
  db: ReadableDatabase,
  subjects: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, UsedAmounts>> {
  const found = new Map<string, UsedAmounts>()
  for (const part of splitKeys(subjects)) {
    const seconds = sql<number>`(coalesce(ended_at, ${nowMs}) - started_at) / 1000.0`
    const rows = await db
      .selectFrom('jobs')
      .select('subject')
      .select(({ fn }) => [
        fn.sum<number>(sql<number>`cpu * ${seconds}`).as('core_seconds'),
        fn.sum<number>(sql<number>`gpu * ${seconds}`).as('gpu_seconds'),
        fn.sum<number>(sql<number>`memory_bytes * ${seconds}`).as('byte_seconds'),
      ])
      .where('subject', 'in', part)
      .where('started_at', 'is not', null)
      .groupBy('subject')
      .execute()
    for (const { subject, core_seconds, gpu_seconds, byte_seconds } of rows) {
      found.set(subject, {
        coreSeconds: Number(core_seconds),
        gpuSeconds: Number(gpu_seconds),
        gibSeconds: Number(byte_seconds) / gibibyte,
      })
    }
  }
  return found
}
