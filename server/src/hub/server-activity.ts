import type { Edge, EdgeReport } from '#edge/edge.ts'
import type { Activity } from '#identity/activity.ts'
import type { Principals } from '#identity/principals.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { LeaderPart } from '#store/leadership.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { ActiveServers } from './active-servers.ts'
import { buildRoutePrefix } from './server-paths.ts'
import { announceServer } from './server-records.ts'

/** What passed through the edge to servers, for `last_activity` and the idle stop. */
export interface ServerActivity {
  /** The work of the leader: hears the edge and writes down, a batch at a time. */
  readonly lead: LeaderPart
  /** When a client last sent a websocket message to this server, as far as this leader has heard. */
  findLastMessageMs(serverId: number): number | undefined
}

interface ServerActivityOptions {
  edge: Pick<Edge, 'onReport'>
  store: Store
  active: ActiveServers
  principals: Pick<Principals, 'noteUse'>
  users: Pick<Activity, 'noteUser'>
  clock: Clock
  log: Logger
  /** Times are written this often; what is newer by less than this is not written. */
  everyMs: number
}

/** See `ServerActivity`. */
export function createServerActivity(options: ServerActivityOptions): ServerActivity {
  const { edge, active, principals, users, clock, log, everyMs } = options
  const messages = new Map<number, number>()
  const uses = new Map<string, RouteUse>()

  const hear = ({ routes, credentials }: EdgeReport) => {
    for (const { prefix, lastActivityMs, lastMessageMs } of routes) {
      const known = uses.get(prefix)
      uses.set(prefix, {
        lastActivityMs: Math.max(lastActivityMs, known?.lastActivityMs ?? 0),
        lastMessageMs: Math.max(lastMessageMs ?? 0, known?.lastMessageMs ?? 0),
      })
    }
    principals
      .noteUse(credentials)
      .catch((error: unknown) => log.warn({ err: error }, 'use of credentials was not noted'))
  }

  const write = async () => {
    const taken = new Map(uses)
    uses.clear()
    const servers = await active.all()
    const changed: ServerUse[] = []
    for (const { record } of servers) {
      const use = taken.get(buildRoutePrefix(record.user, record.name))
      if (use === undefined) continue
      if (use.lastMessageMs > 0) messages.set(record.id, use.lastMessageMs)
      if (use.lastActivityMs - (record.lastActivityMs ?? 0) >= everyMs)
        changed.push({ ...use, id: record.id })
      users.noteUser(record.userId, use.lastActivityMs)
    }
    forgetOthers(messages, new Set(servers.map(({ record }) => record.id)))
    if (changed.length > 0) await options.store.transaction((tx) => writeUses(tx, changed))
  }

  return {
    findLastMessageMs: (serverId) => messages.get(serverId),
    async lead({ signal }) {
      const stop = edge.onReport(hear)
      try {
        while (!signal.aborted) {
          await clock.sleep(everyMs, { signal }).catch(() => {})
          if (uses.size > 0)
            await write().catch((error: unknown) => log.warn({ err: error }, 'activity was not written'))
        }
      } finally {
        stop()
        messages.clear()
        uses.clear()
      }
    },
  }
}

interface RouteUse {
  lastActivityMs: number
  /** 0: none. */
  lastMessageMs: number
}

interface ServerUse extends RouteUse {
  id: number
}

function forgetOthers(messages: Map<number, number>, active: ReadonlySet<number>): void {
  for (const id of messages.keys()) if (!active.has(id)) messages.delete(id)
}

async function writeUses(tx: StoreTransaction, uses: readonly ServerUse[]): Promise<void> {
  for (const { id, lastActivityMs } of uses) {
    await moveActivity(tx, id, lastActivityMs)
    announceServer(tx, id)
  }
}

/** Sets a server's `last_activity` unless it is later already. */
export async function moveActivity(tx: StoreTransaction, serverId: number, atMs: number): Promise<void> {
  await tx.db
    .updateTable('servers')
    .set({ last_activity: atMs })
    .where('id', '=', serverId)
    .where((where) => where.or([where('last_activity', 'is', null), where('last_activity', '<', atMs)]))
    .execute()
}
