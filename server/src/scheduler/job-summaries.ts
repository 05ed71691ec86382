import type { JobState } from '@atrium/contract/jobs.ts'
import type { Kysely } from 'kysely'

import type { Tables } from '#store/tables.ts'
import { splitKeys } from './job-store.ts'

/** The jobs of one subject in few figures. */
export interface JobSummary {
  /** Jobs by state; absent: none. */
  counts: Partial<Record<JobState, number>>
  /** Of the job that started first. */
  startedAtMs?: number
  /** Of the job that ended last. */
  endedAtMs?: number
}

/** Adds up the jobs of subjects, at the cost of an index that is read, not of records. Subjects without jobs are left out. */
export async function summariseJobs(
  db: Kysely<Tables>,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, JobSummary>> {
  const summaries = new Map<string, JobSummary>()
  for (const part of splitKeys(subjects)) {
    const rows = await db
      .selectFrom('jobs')
      .select(({ fn }) => [
        'subject',
        'state',
        fn.countAll<number>().as('count'),
        fn.min('started_at').as('started_at'),
        fn.max('ended_at').as('ended_at'),
      ])
      .where('subject', 'in', part)
      .groupBy(['subject', 'state'])
      .execute()
    for (const { subject, state, count, started_at, ended_at } of rows) {
      const before = summaries.get(subject)
      const startedAtMs = pick(Math.min, before?.startedAtMs, started_at)
      const endedAtMs = pick(Math.max, before?.endedAtMs, ended_at)
      summaries.set(subject, {
        counts: { ...before?.counts, [state]: count },
        ...(startedAtMs === undefined ? {} : { startedAtMs }),
        ...(endedAtMs === undefined ? {} : { endedAtMs }),
      })
    }
  }
  return summaries
}

function pick(
  choose: (a: number, b: number) => number,
  a: number | undefined,
  b: number | null,
): number | undefined {
  if (b === null) return a
  return a === undefined ? b : choose(a, b)
}
