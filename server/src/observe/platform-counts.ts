import { endedJobStates } from '@atrium/contract/jobs.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'

import type { ReadableDatabase } from '#store/store.ts'

/** How much there is of what, by one short query each. */
export async function readPlatformCounts(db: ReadableDatabase): Promise<PlatformStatus['counts']> {
  const active = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['kind', 'state', fn.countAll<number>().as('count')])
    .where('state', 'not in', endedJobStates)
    .groupBy(['kind', 'state'])
    .execute()
  const sum = (isCounted: (row: (typeof active)[number]) => boolean) =>
    active.filter(isCounted).reduce((total, row) => total + Number(row.count), 0)
  return {
    users: await countRows(db, 'users'),
    groups: await countRows(db, 'groups'),
    runningServers: sum(({ kind, state }) => kind === 'server' && state === 'running'),
    activeJobs: sum(() => true),
    waitingJobs: sum(({ state }) => state === 'queued' || state === 'pending'),
  }
}

async function countRows(db: ReadableDatabase, table: 'users' | 'groups'): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** The control planes that were heard of lately, and which of them holds the lease `leaseName`. */
export async function listReplicas(
  db: ReadableDatabase,
  options: { leaseName: string; sinceMs: number; nowMs: number },
): Promise<PlatformStatus['replicas']> {
  const lease = await db
    .selectFrom('leases')
    .select('holder')
    .where('name', '=', options.leaseName)
    .where('expires_at', '>', options.nowMs)
    .executeTakeFirst()
  const rows = await db
    .selectFrom('replicas')
    .select(['id', 'version', 'started_at as startedAtMs', 'seen_at as seenAtMs'])
    .where('seen_at', '>=', options.sinceMs)
    .orderBy('started_at')
    .execute()
  return rows.map((row) => ({ ...row, leads: row.id === lease?.holder }))
}
