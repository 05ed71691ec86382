import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { findLockedServer, type ServerRecord } from './server-records.ts'
import {
  announceShare,
  findShare,
  listShares,
  type Page,
  type Share,
  type ShareFilter,
  type ShareHolder,
} from './share-records.ts'

/** Who may use whose servers. */
export interface Shares {
  list(filter: ShareFilter, page: Page): Promise<{ items: readonly Share[]; total: number }>
  find(serverId: number, holder: ShareHolder): Promise<Share | undefined>
  /** Adds scopes (from `buildShareScopes`) to what the holder has. Repeatable. */
  grant(server: ServerRecord, holder: ShareHolder, scopes: readonly string[], actor: Actor): Promise<Share>
  /** Takes these scopes, or all, from the holder. Undefined: nothing is left. */
  revoke(
    server: Pick<ServerRecord, 'id'>,
    holder: ShareHolder,
    scopes: readonly string[] | undefined,
    actor: Actor,
  ): Promise<Share | undefined>
  /** From everybody. */
  revokeAll(server: Pick<ServerRecord, 'id'>, actor: Actor): Promise<void>
}

/** See `Shares`. */
export function createShares({ store, clock }: { store: Store; clock: Clock }): Shares {
  const audit = (tx: StoreTransaction, actor: Actor, action: string, serverId: number, detail: object) =>
    recordAudit(tx, clock, { actor, action, target: `server:${serverId}`, detail: { ...detail } })
  return {
    list: (filter, page) => listShares(store.db, filter, { ...page, nowMs: clock.now() }),
    find: (serverId, holder) => findShare(store.db, serverId, holder),
    grant: (server, holder, scopes, actor) =>
      store.transaction(async (tx) => {
        await audit(tx, actor, 'share.grant', server.id, { [holder.kind]: holder.name, scopes })
        return grantShare(tx, { serverId: server.id, holder, scopes, nowMs: clock.now() })
      }),
    revoke: (server, holder, scopes, actor) =>
      store.transaction(async (tx) => {
        await findLockedServer(tx, server.id)
        const share = await findShare(tx.db, server.id, holder)
        if (share === undefined) return undefined
        const left = scopes === undefined ? [] : share.scopes.filter((scope) => !scopes.includes(scope))
        if (left.length === share.scopes.length) return share
        await saveScopes(tx, share.id, left)
        announceShare(tx, share)
        await audit(tx, actor, 'share.revoke', server.id, { [holder.kind]: holder.name })
        return left.length === 0 ? undefined : { ...share, scopes: left }
      }),
    revokeAll: (server, actor) =>
      store.transaction(async (tx) => {
        const { items } = await listShares(
          tx.db,
          { serverId: server.id },
          { offset: 0, limit: 1_000_000, nowMs: 0 },
        )
        await tx.db.deleteFrom('shares').where('server_id', '=', server.id).execute()
        for (const share of items) announceShare(tx, share)
        await audit(tx, actor, 'share.revoke', server.id, { holders: items.length })
      }),
  }
}

/** The same as a part of something larger. */
export async function grantShare(
  tx: StoreTransaction,
  grant: { serverId: number; holder: ShareHolder; scopes: readonly string[]; nowMs: number },
): Promise<Share> {
  const { serverId, holder, nowMs } = grant
  const server = await findLockedServer(tx, serverId)
  if (server === undefined) throw new PlatformError('gone')
  const before = await findShare(tx.db, serverId, holder)
  const scopes = [...new Set([...(before?.scopes ?? []), ...grant.scopes])].sort()
  if (before !== undefined) await saveScopes(tx, before.id, scopes)
  else {
    await tx.db
      .insertInto('shares')
      .values({
        server_id: serverId,
        owner_id: server.userId,
        user_id: holder.kind === 'user' ? holder.id : null,
        group_id: holder.kind === 'group' ? holder.id : null,
        scopes: JSON.stringify(scopes),
        created_at: nowMs,
      })
      .execute()
  }
  const share = await findShare(tx.db, serverId, holder)
  if (share === undefined) throw new PlatformError('internal')
  announceShare(tx, share)
  return share
}

async function saveScopes(tx: StoreTransaction, id: number, scopes: readonly string[]): Promise<void> {
  if (scopes.length === 0) await tx.db.deleteFrom('shares').where('id', '=', id).execute()
  else
    await tx.db
      .updateTable('shares')
      .set({ scopes: JSON.stringify(scopes) })
      .where('id', '=', id)
      .execute()
}
