import { type Expression, type SqlBool, sql } from 'kysely'

import type { ReadableDatabase } from '#store/store.ts'
import type { ScopeClient } from './expand-scopes.ts'
import { hubClientId } from './hub-client-id.ts'
import { splitIntoParts } from './in-parts.ts'
import { parseScopeList } from './owner-scopes.ts'

/** A live session or token, as far as deciding about requests needs it. */
export interface CredentialRecord {
  readonly hash: string
  readonly kind: 'session' | 'token'
  readonly id: number
  readonly ownerKind: 'user' | 'service'
  readonly ownerId: number
  readonly sessionId: string | null
  readonly expiresAtMs: number | null
  /** As written; a session holds all of its user's. */
  readonly scopes: readonly string[]
  readonly clientId: string
  /** What `!server` and `!service` mean in the scopes: what the OAuth client stands for, or the server whose own token it is. */
  readonly client: ScopeClient | undefined
  readonly serverId: number | null
}

/** Which credentials to read. */
export type CredentialSelection =
  | 'all'
  | { readonly hashes: readonly string[] }
  | { readonly userIds: readonly number[] }
  | { readonly serviceIds: readonly number[] }

/** Reads the tokens of a selection that have not expired. */
export async function readTokens(
  db: ReadableDatabase,
  selection: CredentialSelection,
  nowMs: number,
): Promise<readonly CredentialRecord[]> {
  const records: CredentialRecord[] = []
  for (const part of splitSelection(selection)) {
    const rows = await selectTokens(db, nowMs).where(isSelected('tokens', part)).execute()
    for (const row of rows) records.push(parseToken(row))
  }
  return records
}

/** Reads the sessions of a selection that have not expired. */
export async function readSessions(
  db: ReadableDatabase,
  selection: CredentialSelection,
  nowMs: number,
): Promise<readonly CredentialRecord[]> {
  if (selection !== 'all' && 'serviceIds' in selection) return []
  const records: CredentialRecord[] = []
  for (const part of splitSelection(selection)) {
    const rows = await db
      .selectFrom('sessions')
      .select(['id', 'hash', 'session_id', 'user_id', 'expires_at'])
      .where('expires_at', '>', nowMs)
      .where(isSelected('sessions', part))
      .execute()
    for (const row of rows) records.push(parseSession(row))
  }
  return records
}

function splitSelection(selection: CredentialSelection): readonly CredentialSelection[] {
  if (selection === 'all') return ['all']
  if ('hashes' in selection) return splitIntoParts(selection.hashes).map((hashes) => ({ hashes }))
  if ('userIds' in selection) return splitIntoParts(selection.userIds).map((userIds) => ({ userIds }))
  return splitIntoParts(selection.serviceIds).map((serviceIds) => ({ serviceIds }))
}

function isSelected(table: 'tokens' | 'sessions', selection: CredentialSelection): Expression<SqlBool> {
  if (selection === 'all') return sql<SqlBool>`1 = 1`
  const [column, values] =
    'hashes' in selection
      ? ['hash', selection.hashes]
      : 'userIds' in selection
        ? ['user_id', selection.userIds]
        : ['service_id', selection.serviceIds]
  return sql<SqlBool>`${sql.ref(`${table}.${column}`)} in (${sql.join([...values])})`
}

function selectTokens(db: ReadableDatabase, nowMs: number) {
  return db
    .selectFrom('tokens')
    .leftJoin('oauth_clients', 'oauth_clients.client_id', 'tokens.client_id')
    .leftJoin('servers', (join) =>
      join.on(sql<SqlBool>`servers.id = coalesce(oauth_clients.server_id, tokens.server_id)`),
    )
    .leftJoin('users as server_owners', 'server_owners.id', 'servers.user_id')
    .leftJoin('services', 'services.id', 'oauth_clients.service_id')
    .select(['tokens.id', 'tokens.hash', 'tokens.user_id', 'tokens.service_id', 'tokens.session_id'])
    .select(['tokens.expires_at', 'tokens.scopes', 'tokens.client_id', 'tokens.server_id'])
    .select(['server_owners.name as server_owner', 'servers.name as server', 'services.name as service'])
    .where((where) =>
      where.or([where('tokens.expires_at', 'is', null), where('tokens.expires_at', '>', nowMs)]),
    )
}

type TokenRow = Awaited<ReturnType<ReturnType<typeof selectTokens>['executeTakeFirstOrThrow']>>

function parseToken(row: TokenRow): CredentialRecord {
  return {
    hash: row.hash,
    kind: 'token',
    id: row.id,
    ...parseOwner(row),
    sessionId: row.session_id,
    expiresAtMs: row.expires_at,
    scopes: parseScopeList(row.scopes),
    clientId: row.client_id,
    client: parseClient(row),
    serverId: row.server_id,
  }
}

function parseOwner(row: TokenRow): Pick<CredentialRecord, 'ownerKind' | 'ownerId'> {
  if (row.user_id !== null) return { ownerKind: 'user', ownerId: row.user_id }
  if (row.service_id !== null) return { ownerKind: 'service', ownerId: row.service_id }
  throw new Error(`token ${row.id} belongs to nobody`)
}

function parseClient({ server_owner, server, service }: TokenRow): ScopeClient | undefined {
  if (service !== null) return { kind: 'service', service }
  if (server_owner === null || server === null) return undefined
  return { kind: 'server', user: server_owner, server }
}

interface SessionRow {
  id: number
  hash: string
  session_id: string
  user_id: number
  expires_at: number
}

function parseSession(row: SessionRow): CredentialRecord {
  return {
    hash: row.hash,
    kind: 'session',
    id: row.id,
    ownerKind: 'user',
    ownerId: row.user_id,
    sessionId: row.session_id,
    expiresAtMs: row.expires_at,
    scopes: ['inherit'],
    clientId: hubClientId,
    client: undefined,
    serverId: null,
  }
}
