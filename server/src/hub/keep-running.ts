import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import type { Profiles } from './profiles.ts'
import { buildServerPhase } from './server-phase.ts'
import { announceServer, findLockedServer, type ServerRecord } from './server-records.ts'

/** "Keep it running": holds the idle stop off and takes its warning back. */
export type KeepRunning = (
  server: Pick<ServerRecord, 'id'>,
  wish: { forMs?: number },
  actor: Actor,
) => Promise<ServerRecord>

interface KeepRunningOptions {
  store: Store
  jobs: Pick<Jobs, 'find'>
  profiles: Pick<Profiles, 'idleSettings'>
  clock: Clock
}

/** Nobody keeps a server for ever by one click. */
const longestMs = 7 * 24 * 3_600_000

/** Without a time the server is kept as long as it may stand unused. Throws `conflict` when it does not run, `bad_request` for longer than a week. */
export function createKeepRunning({ store, jobs, profiles, clock }: KeepRunningOptions): KeepRunning {
  return (server, { forMs }, actor) =>
    store.transaction(async (tx) => {
      const record = await findLockedServer(tx, server.id)
      const job = record?.jobKey == null ? undefined : await jobs.find(record.jobKey, tx)
      if (record === undefined || !buildServerPhase(job).ready) {
        throw new PlatformError('conflict', { message: 'The server is not running.' })
      }
      const keptMs = forMs ?? profiles.idleSettings(record.profile).afterMs
      if (keptMs > longestMs)
        throw new PlatformError('bad_request', { message: 'A server is kept for a week at most.' })
      const keepUntilMs = clock.now() + keptMs
      await tx.db
        .updateTable('servers')
        .set({ keep_until: keepUntilMs, idle_stop_at: null })
        .where('id', '=', record.id)
        .execute()
      await recordAudit(tx, clock, {
        actor,
        action: 'server.keep',
        target: `server:${record.user}/${record.name}`,
        detail: { keep_until: keepUntilMs },
      })
      announceServer(tx, record.id)
      return { ...record, keepUntilMs, idleStopAtMs: null }
    })
}
