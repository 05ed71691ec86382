import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { LeaderPart } from '#store/leadership.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'

import type { ActiveServers } from './active-servers.ts'
import { stopOwnerlessJobs } from './ownerless-jobs.ts'
import type { ServerCredentials } from './server-credentials.ts'
import { announceServer, findLockedServer, type ServerRecord } from './server-records.ts'
import { announceSharesOf } from './share-records.ts'

/** What is due when a server's job has ended: its token and OAuth client go, and the record too if that was asked for. */
export interface ServerEndings {
  /** Repeatable, and harmless on a server that runs. */
  settle(serverId: number): Promise<void>
  /** The work of the leader: settles those whose job ended while nobody looked, then each as it ends, and stops jobs whose server is gone. */
  readonly lead: LeaderPart
}

interface ServerEndingsOptions {
  store: Store
  jobs: Pick<Jobs, 'find' | 'findMany' | 'list' | 'requestStop'>
  active: ActiveServers
  credentials: ServerCredentials
  clock: Clock
  log: Logger
}

/** See `ServerEndings`. */
export function createServerEndings(options: ServerEndingsOptions): ServerEndings {
  const { store, jobs, active, credentials, clock, log } = options
  const settleLocked = async (tx: StoreTransaction, server: ServerRecord) => {
    const job = server.jobKey === null ? undefined : await jobs.find(server.jobKey, tx)
    if (job !== undefined && !hasEnded(job.state)) return
    await credentials.revoke(tx, server)
    if (server.removeWhenStopped) await removeServer(tx, server.id)
    else await markEnded(tx, server.id, job?.endedAtMs ?? clock.now())
    announceServer(tx, server.id)
  }
  const settle = (serverId: number) =>
    store.transaction(async (tx) => {
      const server = await findLockedServer(tx, serverId)
      if (server !== undefined && isUnsettled(server)) await settleLocked(tx, server)
    })
  const settleAll = async () => {
    const open = await listUnsettled(store.db)
    const known = await jobs.findMany(open.flatMap(({ job_key }) => job_key ?? []))
    for (const { id, job_key } of open) {
      const job = job_key === null ? undefined : known.get(job_key)
      if (job === undefined || hasEnded(job.state)) await settle(id)
    }
  }
  const reap = async () => {
    const stopped = await stopOwnerlessJobs({ store, jobs })
    if (stopped > 0) log.warn({ stopped }, 'jobs of servers that are gone are being stopped')
  }
  const tryTo = (work: Promise<void>) =>
    work.catch((error: unknown) => log.warn({ err: error }, 'the end of a server could not be settled'))
  return {
    settle,
    async lead({ signal }) {
      const stop = active.onChange(({ ended }) => {
        for (const { record } of ended) void tryTo(settle(record.id))
      })
      // Changes are told from the first look on.
      await tryTo(active.all().then(settleAll))
      await tryTo(reap())
      while (!signal.aborted) {
        await clock.sleep(everyMs, { signal }).catch(() => {})
        if (!signal.aborted) await tryTo(settleAll().then(reap))
      }
      stop()
    },
  }
}

/** For what failed at its time. */
const everyMs = 60_000

function isUnsettled({ startedAtMs, removeWhenStopped }: ServerRecord): boolean {
  return startedAtMs !== null || removeWhenStopped
}

/** About as many as are active: a server that was settled has no start time. */
function listUnsettled(db: ReadableDatabase) {
  return db
    .selectFrom('servers')
    .select(['id', 'job_key'])
    .where((where) => where.or([where('started_at', 'is not', null), where('remove_when_stopped', '=', 1)]))
    .execute()
}

async function removeServer(tx: StoreTransaction, id: number): Promise<void> {
  await announceSharesOf(tx, id)
  await tx.db.deleteFrom('servers').where('id', '=', id).execute()
}

async function markEnded(tx: StoreTransaction, id: number, endedAtMs: number): Promise<void> {
  await tx.db
    .updateTable('servers')
    .set({
      started_at: null,
      last_activity: endedAtMs,
      keep_until: null,
      idle_stop_at: null,
      idle_report: null,
    })
    .where('id', '=', id)
    .execute()
}
