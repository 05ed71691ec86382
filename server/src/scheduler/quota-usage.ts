import { type Kysely, sql } from 'kysely'

import type { Tables } from '#store/tables.ts'
import { splitKeys } from './job-store.ts'
import {
  findLimits,
  noAmounts,
  type QuotaAmounts,
  type QuotaLimits,
  type QuotaSubject,
  type QuotaUsage,
} from './quota.ts'

/** What everybody, or one subject, holds now. */
export async function readQuotaSums(
  db: Kysely<Tables>,
  subject?: QuotaSubject,
): Promise<{ subject: QuotaSubject; used: QuotaAmounts; jobs: number }[]> {
  let query = db
    .selectFrom('quota_entries')
    .select(({ fn }) => [
      'subject_kind',
      'subject_id',
      fn.sum<number>('servers').as('servers'),
      sql<number>`sum(case when job_kind = 'dask-scheduler' then 1 else 0 end)`.as('clusters'),
      fn.sum<number>('workers').as('workers'),
      fn.sum<number>('cpu').as('cpu'),
      fn.sum<number>('memory_bytes').as('memoryBytes'),
      fn.sum<number>('gpu').as('gpu'),
      fn.countAll<number>().as('jobs'),
    ])
    .groupBy(['subject_kind', 'subject_id'])
  if (subject !== undefined) {
    query = query
      .where('subject_kind', '=', subject.kind)
      .where('subject_id', '=', subject.kind === 'platform' ? 0 : subject.id)
  }
  return (await query.execute()).map(({ subject_kind, subject_id, jobs, ...used }) => ({
    subject: subject_kind === 'platform' ? { kind: subject_kind } : { kind: subject_kind, id: subject_id },
    used,
    jobs,
  }))
}

/** See `QuotaReader.usage`. */
export async function readQuotaUsage(
  db: Kysely<Tables>,
  limits: QuotaLimits,
  subject: QuotaSubject,
): Promise<QuotaUsage> {
  const [sum] = await readQuotaSums(db, subject)
  const name = (await readSubjectNames(db, [subject])).get(buildSubjectKey(subject)) ?? ''
  return {
    subject,
    name,
    used: sum?.used ?? noAmounts,
    limits: findLimits(limits, subject, name),
    jobs: sum?.jobs ?? 0,
  }
}

/** See `QuotaReader.list`. */
export async function listQuotaUsage(db: Kysely<Tables>, limits: QuotaLimits): Promise<QuotaUsage[]> {
  const sums = await readQuotaSums(db)
  const names = await readSubjectNames(
    db,
    sums.map((sum) => sum.subject),
  )
  const order = { platform: 0, group: 1, user: 2 }
  return sums
    .map(({ subject, used, jobs }) => {
      const name = names.get(buildSubjectKey(subject)) ?? ''
      return { subject, name, used, limits: findLimits(limits, subject, name), jobs }
    })
    .toSorted((a, b) => order[a.subject.kind] - order[b.subject.kind] || a.name.localeCompare(b.name))
}

/** Names by `buildSubjectKey`. */
export async function readSubjectNames(
  db: Kysely<Tables>,
  subjects: readonly QuotaSubject[],
): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const [kind, table] of [
    ['user', 'users'],
    ['group', 'groups'],
  ] as const) {
    const ids = new Set(subjects.flatMap((subject) => (subject.kind === kind ? [subject.id] : [])))
    for (const part of splitKeys([...ids])) {
      const rows = await db.selectFrom(table).select(['id', 'name']).where('id', 'in', part).execute()
      for (const { id, name } of rows) names.set(buildSubjectKey({ kind, id }), name)
    }
  }
  return names
}

/** A subject as the key of a map. */
export function buildSubjectKey(subject: QuotaSubject): string {
  return subject.kind === 'platform' ? 'platform' : `${subject.kind} ${subject.id}`
}
