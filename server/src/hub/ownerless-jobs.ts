import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { parseServerSubject } from './server-job.ts'
import { listServers } from './server-records.ts'

/**
 * Ends servers' jobs whose server is gone: its owner was deleted while it was being started. Answers how many. Jobs are read first: a job and
 * its server are written together, so a server that is not there then was removed.
 */
export async function stopOwnerlessJobs({
  store,
  jobs,
}: {
  store: Store
  jobs: Pick<Jobs, 'list' | 'requestStop'>
}): Promise<number> {
  const active = await jobs.list({ kind: 'server', active: true, limit: Number.MAX_SAFE_INTEGER })
  const servers = await listServers(
    store.db,
    active.flatMap(({ subject }) => parseServerSubject(subject) ?? []),
  )
  const wanted = new Set(servers.map(({ jobKey }) => jobKey))
  const keys = active.flatMap(({ key, desired }) => (desired === 'run' && !wanted.has(key) ? [key] : []))
  if (keys.length === 0) return 0
  await store.transaction((tx) => jobs.requestStop(tx, keys, { reason: 'server_removed' }))
  return keys.length
}
