import type { ReadableDatabase, StoreTransaction } from '#store/store.ts'

import type { ServerName } from './server-records.ts'
import { relimitScopes } from './share-scopes.ts'

/** A permission that one user gave to another, or to a group, for one server. */
export interface Share {
  id: number
  serverId: number
  server: ServerName
  scopes: readonly string[]
  /** Exactly one of the two is set. */
  user: string | null
  group: string | null
  createdAtMs: number
  expiresAtMs: number | null
}

/** Who a server is shared with. */
export type ShareHolder =
  | { kind: 'user'; id: number; name: string }
  | { kind: 'group'; id: number; name: string }

/** A part of a list. */
export interface Page {
  offset: number
  limit: number
}

/** Which shares to list. */
export type ShareFilter =
  | { serverId: number }
  | { ownerId: number }
  | { groupId: number }
  /** What this user may use: shared with them or with a group of theirs. */
  | { userId: number }

/** Shares in order of creation. `total` counts all, expired ones too, as JupyterHub does. */
export async function listShares(
  db: ReadableDatabase,
  filter: ShareFilter,
  { offset, limit, nowMs }: Page & { nowMs: number },
): Promise<{ items: readonly Share[]; total: number }> {
  const query = filterShares(db, filter)
  const rows = await query.orderBy('shares.id').offset(offset).limit(limit).execute()
  const { total } = await filterShares(db, filter)
    .clearSelect()
    .select((select) => select.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const items = rows
    .map(parseShareRow)
    .filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs)
  return { items, total: Number(total) }
}

/** The share of this server with this user or group itself. */
export async function findShare(
  db: ReadableDatabase,
  serverId: number,
  holder: ShareHolder,
): Promise<Share | undefined> {
  const row = await selectShares(db)
    .where('shares.server_id', '=', serverId)
    .where(holder.kind === 'user' ? 'shares.user_id' : 'shares.group_id', '=', holder.id)
    .executeTakeFirst()
  return row === undefined ? undefined : parseShareRow(row)
}

/** Tells every replica that what somebody may do has changed. Keys: `user NAME` or `group NAME`, who it is shared with. */
export function announceShare(
  tx: StoreTransaction,
  holder: { user: string | null; group: string | null },
): void {
  if (holder.user !== null) tx.changed('share', `user ${holder.user}`)
  if (holder.group !== null) tx.changed('share', `group ${holder.group}`)
}

/** For a server that goes or gets another name: everybody it is shared with may do something else from now on. */
export async function announceSharesOf(tx: StoreTransaction, serverId: number): Promise<void> {
  const rows = await selectShares(tx.db).where('shares.server_id', '=', serverId).execute()
  for (const row of rows) announceShare(tx, { user: row.holder_user, group: row.holder_group })
}

/** Writes the limits of a server's shares and share codes anew after it, or its owner, was renamed. */
export async function relimitShares(tx: StoreTransaction, serverId: number, name: ServerName): Promise<void> {
  for (const table of ['shares', 'share_codes'] as const) {
    const rows = await tx.db
      .selectFrom(table)
      .select(['id', 'scopes'])
      .where('server_id', '=', serverId)
      .execute()
    for (const { id, scopes } of rows) {
      const current = JSON.stringify(relimitScopes(JSON.parse(scopes) as string[], name))
      await tx.db.updateTable(table).set({ scopes: current }).where('id', '=', id).execute()
    }
  }
  await announceSharesOf(tx, serverId)
}

function filterShares(db: ReadableDatabase, filter: ShareFilter) {
  const query = selectShares(db)
  if ('serverId' in filter) return query.where('shares.server_id', '=', filter.serverId)
  if ('ownerId' in filter) return query.where('shares.owner_id', '=', filter.ownerId)
  if ('groupId' in filter) return query.where('shares.group_id', '=', filter.groupId)
  const { userId } = filter
  return query.where((where) =>
    where.or([
      where('shares.user_id', '=', userId),
      where(
        'shares.group_id',
        'in',
        where
          .selectFrom('group_members')
          .select('group_members.group_id')
          .where('group_members.user_id', '=', userId),
      ),
    ]),
  )
}

function selectShares(db: ReadableDatabase) {
  return db
    .selectFrom('shares')
    .innerJoin('servers', 'servers.id', 'shares.server_id')
    .innerJoin('users as owners', 'owners.id', 'shares.owner_id')
    .leftJoin('users as holders', 'holders.id', 'shares.user_id')
    .leftJoin('groups', 'groups.id', 'shares.group_id')
    .select([
      'shares.id',
      'shares.server_id',
      'shares.scopes',
      'shares.created_at',
      'shares.expires_at',
      'servers.name as server',
      'owners.name as owner',
      'holders.name as holder_user',
      'groups.name as holder_group',
    ])
}

type ShareRow = Awaited<ReturnType<ReturnType<typeof selectShares>['executeTakeFirstOrThrow']>>

function parseShareRow(row: ShareRow): Share {
  const server = { user: row.owner, server: row.server }
  return {
    id: row.id,
    serverId: row.server_id,
    server,
    scopes: relimitScopes(JSON.parse(row.scopes) as string[], server),
    user: row.holder_user,
    group: row.holder_group,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
  }
}
