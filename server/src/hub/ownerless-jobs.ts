import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { parseServerSubject } from './server-job.ts'
import { listServers } from './server-records.ts'

/** A server's job that has just been asked for may be of a transaction whose record is not visible to this reading yet. */
const youngestMs = 10_000

/** Ends servers' jobs whose server is gone: its owner was deleted while it was being started. Answers how many. */
export async function stopOwnerlessJobs(
  { store, jobs }: { store: Store; jobs: Pick<Jobs, 'list' | 'requestStop'> },
  nowMs: number,
): Promise<number> {
  const active = await jobs.list({ kind: 'server', active: true, limit: Number.MAX_SAFE_INTEGER })
  const servers = await listServers(
    store.db,
    active.flatMap(({ subject }) => parseServerSubject(subject) ?? []),
  )
  const wanted = new Set(servers.map(({ jobKey }) => jobKey))
  const ownerless = active.filter((job) => job.desired === 'run' && !wanted.has(job.key))
  const keys = ownerless.flatMap((job) => (nowMs - job.requestedAtMs > youngestMs ? [job.key] : []))
  if (keys.length === 0) return 0
  await store.transaction((tx) => jobs.requestStop(tx, keys, { reason: 'server_removed' }))
  return keys.length
}
