import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import type { ReadableDatabase, Store } from '#store/store.ts'

import type { ServerName, ServerRecord } from './server-records.ts'
import type { Page, Share } from './share-records.ts'
import { relimitScopes } from './share-scopes.ts'
import { grantShare } from './shares.ts'

/** A secret that whoever holds it may exchange for a share. */
export interface ShareCode {
  id: number
  serverId: number
  server: ServerName
  ownerId: number
  scopes: readonly string[]
  createdAtMs: number
  expiresAtMs: number | null
  exchangeCount: number
  lastExchangedAtMs: number | null
}

/** Which codes: all of a server's or an owner's, or one by its id or secret. */
export type ShareCodeFilter = { serverId: number } | { ownerId: number }

/** Codes that links for sharing carry. Only their hashes are kept. */
export interface ShareCodes {
  /** Expired codes are left out, though `total` counts them, as JupyterHub does. */
  list(filter: ShareCodeFilter, page: Page): Promise<{ items: readonly ShareCode[]; total: number }>
  /** `code` is seen this one time. */
  create(
    server: ServerRecord,
    options: { scopes: readonly string[]; expiresInMs: number },
    actor: Actor,
  ): Promise<{ shareCode: ShareCode; code: string }>
  /** An unexpired code, by its secret. */
  find(code: string): Promise<ShareCode | undefined>
  /** Gives the user what the code offers. Throws `not_found` for an unknown or expired code, `bad_request` for the owner's own. */
  exchange(code: string, user: { id: number; name: string }, actor: Actor): Promise<Share>
  /** Answers how many there were. */
  remove(
    server: Pick<ServerRecord, 'id'>,
    which: 'all' | { id: number } | { code: string },
    actor: Actor,
  ): Promise<number>
}

const prefixLength = 4

/** See `ShareCodes`. */
export function createShareCodes({ store, clock }: { store: Store; clock: Clock }): ShareCodes {
  const find = (db: ReadableDatabase, code: string) => findLiveCode(db, code, clock.now())
  return {
    find: (code) => find(store.db, code),
    list: (filter, page) => listCodes(store.db, filter, page, clock.now()),

    async create(server, { scopes, expiresInMs }, actor) {
      const code = createSecret()
      const nowMs = clock.now()
      const values = {
        hash: hashSecret(code),
        prefix: code.slice(0, prefixLength),
        server_id: server.id,
        owner_id: server.userId,
        scopes: JSON.stringify(scopes),
        created_at: nowMs,
        expires_at: nowMs + expiresInMs,
      }
      await store.transaction(async (tx) => {
        await tx.db.insertInto('share_codes').values(values).execute()
        await recordAudit(tx, clock, {
          actor,
          action: 'share-code.create',
          target: `server:${server.id}`,
          detail: { scopes },
        })
      })
      const shareCode = await find(store.db, code)
      if (shareCode === undefined) throw new PlatformError('gone')
      return { shareCode, code }
    },

    exchange: (code, user, actor) =>
      store.transaction(async (tx) => {
        const offer = await find(tx.db, code)
        if (offer === undefined)
          throw new PlatformError('not_found', { message: 'Share not found or expired' })
        if (offer.ownerId === user.id)
          throw new PlatformError('bad_request', { message: "You can't share with yourself!" })
        const { serverId, scopes } = offer
        const nowMs = clock.now()
        const share = await grantShare(tx, { serverId, holder: { kind: 'user', ...user }, scopes, nowMs })
        await tx.db
          .updateTable('share_codes')
          .set((set) => ({ exchange_count: set('exchange_count', '+', 1), last_exchanged_at: nowMs }))
          .where('id', '=', offer.id)
          .execute()
        await recordAudit(tx, clock, { actor, action: 'share-code.exchange', target: `server:${serverId}` })
        return share
      }),

    remove: (server, which, actor) =>
      store.transaction(async (tx) => {
        let query = tx.db.deleteFrom('share_codes').where('server_id', '=', server.id)
        if (which !== 'all') {
          query =
            'id' in which
              ? query.where('id', '=', which.id)
              : query.where('hash', '=', hashSecret(which.code))
        }
        const removed = Number((await query.executeTakeFirst()).numDeletedRows)
        if (removed > 0)
          await recordAudit(tx, clock, {
            actor,
            action: 'share-code.remove',
            target: `server:${server.id}`,
            detail: { removed },
          })
        return removed
      }),
  }
}

async function findLiveCode(
  db: ReadableDatabase,
  code: string,
  nowMs: number,
): Promise<ShareCode | undefined> {
  const row = await selectCodes(db).where('share_codes.hash', '=', hashSecret(code)).executeTakeFirst()
  return row !== undefined && isLive(row, nowMs) ? parseCodeRow(row) : undefined
}

async function listCodes(
  db: ReadableDatabase,
  filter: ShareCodeFilter,
  { offset, limit }: Page,
  nowMs: number,
) {
  const [column, id] =
    'serverId' in filter
      ? (['share_codes.server_id', filter.serverId] as const)
      : (['share_codes.owner_id', filter.ownerId] as const)
  const query = selectCodes(db).where(column, '=', id)
  const rows = await query.orderBy('share_codes.id').offset(offset).limit(limit).execute()
  const { total } = await query
    .clearSelect()
    .select((select) => select.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  return { items: rows.filter((row) => isLive(row, nowMs)).map(parseCodeRow), total: Number(total) }
}

function isLive({ expires_at }: { expires_at: number | null }, nowMs: number): boolean {
  return expires_at === null || expires_at > nowMs
}

function selectCodes(db: ReadableDatabase) {
  return db
    .selectFrom('share_codes')
    .innerJoin('servers', 'servers.id', 'share_codes.server_id')
    .innerJoin('users', 'users.id', 'share_codes.owner_id')
    .selectAll('share_codes')
    .select(['servers.name as server', 'users.name as owner'])
}

type ShareCodeRow = Awaited<ReturnType<ReturnType<typeof selectCodes>['executeTakeFirstOrThrow']>>

function parseCodeRow(row: ShareCodeRow): ShareCode {
  const server = { user: row.owner, server: row.server }
  return {
    id: row.id,
    serverId: row.server_id,
    server,
    ownerId: row.owner_id,
    scopes: relimitScopes(JSON.parse(row.scopes) as string[], server),
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
    exchangeCount: row.exchange_count,
    lastExchangedAtMs: row.last_exchanged_at,
  }
}
