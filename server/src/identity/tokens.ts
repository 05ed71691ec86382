import { PlatformError } from '@atrium/contract/errors.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { TokensTable } from '#store/tables.ts'
import type { Activity } from './activity.ts'
import { buildPrincipals } from './build-principals.ts'
import type { CredentialOwner } from './credential-owner.ts'
import { readTokens } from './credential-records.ts'
import { assertGrantable } from './grantable-scopes.ts'
import type { Grants } from './grants.ts'
import { hubClientId } from './hub-client-id.ts'
import { parseScopeList } from './owner-scopes.ts'

/** A token as stored; its secret is not. */
export interface Token {
  readonly id: number
  readonly owner: CredentialOwner
  /** First characters of the secret. */
  readonly prefix: string
  readonly clientId: string
  /** For people: whom the token was given to. */
  readonly clientName: string
  readonly sessionId: string | null
  /** As asked for: may hold `inherit`, `self`, `!user`. */
  readonly scopes: readonly string[]
  readonly note: string
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
  readonly lastActivityAtMs: number | null
  readonly serverId: number | null
}

export interface NewToken {
  readonly owner: CredentialOwner
  /** As JupyterHub writes them; `inherit`: all its owner may do. */
  readonly scopes: readonly string[]
  readonly note: string
  /** Absent: `jupyterhub`. */
  readonly clientId?: string
  /** Ends with this browser session. */
  readonly sessionId?: string | null
  /** Absent: until revoked. */
  readonly expiresInMs?: number
  /** Ends with this server. */
  readonly serverId?: number
}

/** A token with its secret: the only time it is seen. */
export interface IssuedToken {
  readonly token: Token
  readonly secret: string
}

/** The tokens. Changes are announced as `token HASH`. */
export interface Tokens {
  /** JupyterHub's public id, `a17`; undefined when it is another's or expired. */
  find(owner: CredentialOwner, publicId: string): Promise<Token | undefined>
  /** Unexpired ones, the longest unused first. */
  list(owner: CredentialOwner): Promise<readonly Token[]>
  /** Throws `bad_request` when the scopes do not exist or the owner does not hold them. */
  create(token: NewToken, actor: Actor): Promise<IssuedToken>
  /** The same as a part of something larger (a server's own token, an OAuth token whose scopes were resolved): scopes are not checked again. */
  issue(tx: StoreTransaction, token: NewToken): Promise<IssuedToken>
  /** JupyterHub's rule: an OAuth token goes with all that its client has of this owner. Throws `not_found`. */
  revoke(owner: CredentialOwner, publicId: string, actor: Actor): Promise<void>
  /** Revokes by secret; answers whether there was one. */
  revokeSecret(secret: string, actor: Actor): Promise<boolean>
  revokeOfServer(tx: StoreTransaction, serverId: number): Promise<void>
  /** What the owner's tokens may do now, by id: their scopes cut to the owner's, expanded and sorted. */
  effectiveScopes(owner: CredentialOwner): Promise<ReadonlyMap<number, readonly string[]>>
}

interface TokensOptions {
  readonly store: Store
  readonly clock: Clock
  readonly grants: Grants
  readonly activity: Activity
}

/** See `Tokens`. */
export function createTokens(options: TokensOptions): Tokens {
  return new StoredTokens(options)
}

class StoredTokens implements Tokens {
  readonly #store: Store
  readonly #clock: Clock
  readonly #grants: Grants
  readonly #activity: Activity

  constructor({ store, clock, grants, activity }: TokensOptions) {
    this.#store = store
    this.#clock = clock
    this.#grants = grants
    this.#activity = activity
  }

  async find(owner: CredentialOwner, publicId: string): Promise<Token | undefined> {
    const id = parsePublicId(publicId)
    if (id === undefined) return undefined
    const row = await this.#selectLive(owner).where('tokens.id', '=', id).executeTakeFirst()
    return row && this.#parse(row, owner)
  }

  async list(owner: CredentialOwner): Promise<readonly Token[]> {
    const rows = await this.#selectLive(owner).execute()
    const lastUseMs = (token: Token) => token.lastActivityAtMs ?? token.createdAtMs
    return rows.map((row) => this.#parse(row, owner)).sort((a, b) => lastUseMs(a) - lastUseMs(b))
  }

  #parse(row: TokenRow, owner: CredentialOwner): Token {
    const token = parseToken(row, owner)
    const seenMs = this.#activity.findToken(token.id) ?? 0
    return { ...token, lastActivityAtMs: Math.max(token.lastActivityAtMs ?? 0, seenMs) || null }
  }

  #selectLive(owner: CredentialOwner) {
    return this.#store.db
      .selectFrom('tokens')
      .leftJoin('oauth_clients', 'oauth_clients.client_id', 'tokens.client_id')
      .selectAll('tokens')
      .select('oauth_clients.description as client_name')
      .where(`tokens.${ownerColumn(owner)}`, '=', owner.id)
      .where((where) =>
        where.or([
          where('tokens.expires_at', 'is', null),
          where('tokens.expires_at', '>', this.#clock.now()),
        ]),
      )
  }

  async create(token: NewToken, actor: Actor): Promise<IssuedToken> {
    await assertGrantable(token.scopes, token.owner, this.#grants)
    return this.#store.transaction(async (tx) => {
      const issued = await this.issue(tx, token)
      await recordAudit(tx, this.#clock, {
        actor,
        action: 'token.create',
        target: nameOwner(token.owner),
        detail: { token: publicTokenId(issued.token.id), note: token.note, scopes: token.scopes },
      })
      return issued
    })
  }

  async issue(tx: StoreTransaction, token: NewToken): Promise<IssuedToken> {
    const secret = createSecret()
    const nowMs = this.#clock.now()
    const row = await tx.db
      .insertInto('tokens')
      .values({
        hash: hashSecret(secret),
        prefix: secret.slice(0, prefixLength),
        user_id: token.owner.kind === 'user' ? token.owner.id : null,
        service_id: token.owner.kind === 'service' ? token.owner.id : null,
        client_id: token.clientId ?? hubClientId,
        session_id: token.sessionId ?? null,
        scopes: JSON.stringify(token.scopes),
        note: token.note,
        created_at: nowMs,
        expires_at: token.expiresInMs === undefined ? null : nowMs + token.expiresInMs,
        server_id: token.serverId ?? null,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    tx.changed('token', row.hash)
    return { token: parseToken(row, token.owner), secret }
  }

  async revoke(owner: CredentialOwner, publicId: string, actor: Actor): Promise<void> {
    const token = await this.find(owner, publicId)
    if (token === undefined) throw new PlatformError('not_found')
    await this.#store.transaction(async (tx) => {
      const ofOwner = tx.db.deleteFrom('tokens').where(ownerColumn(owner), '=', owner.id).returning('hash')
      const gone = await (token.clientId === hubClientId
        ? ofOwner.where('id', '=', token.id)
        : ofOwner.where('client_id', '=', token.clientId)
      ).execute()
      await this.#tellRevoked(tx, gone, { actor, owner, detail: { token: publicId, client: token.clientId } })
    })
  }

  async revokeSecret(secret: string, actor: Actor): Promise<boolean> {
    return this.#store.transaction(async (tx) => {
      const gone = await tx.db
        .deleteFrom('tokens')
        .where('hash', '=', hashSecret(secret))
        .returning('hash')
        .execute()
      await this.#tellRevoked(tx, gone, { actor, detail: { token: secret.slice(0, prefixLength) } })
      return gone.length > 0
    })
  }

  async revokeOfServer(tx: StoreTransaction, serverId: number): Promise<void> {
    const gone = await tx.db
      .deleteFrom('tokens')
      .where('server_id', '=', serverId)
      .returning('hash')
      .execute()
    for (const { hash } of gone) tx.changed('token', hash)
  }

  async effectiveScopes(owner: CredentialOwner): Promise<ReadonlyMap<number, readonly string[]>> {
    const selection = owner.kind === 'user' ? { userIds: [owner.id] } : { serviceIds: [owner.id] }
    const records = await readTokens(this.#store.db, selection, this.#clock.now())
    const built = await buildPrincipals(this.#store.db, records, this.#clock.now())
    return new Map(built.map(({ record, principal }) => [record.id, principal.scopes.expanded]))
  }

  async #tellRevoked(
    tx: StoreTransaction,
    gone: readonly { hash: string }[],
    revocation: Revocation,
  ): Promise<void> {
    if (gone.length === 0) return
    for (const { hash } of gone) tx.changed('token', hash)
    const { actor, owner, detail } = revocation
    await recordAudit(tx, this.#clock, {
      actor,
      action: 'token.revoke',
      target: owner === undefined ? 'token' : nameOwner(owner),
      detail: { ...detail, count: gone.length },
    })
  }
}

interface Revocation {
  readonly actor: Actor
  readonly owner?: CredentialOwner
  readonly detail: Readonly<Record<string, unknown>>
}

/** JupyterHub's public id of a token: `a17`. */
export function publicTokenId(id: number): string {
  return `a${id}`
}

const prefixLength = 4

type TokenRow = Selectable<TokensTable> & { client_name?: string | null }

function parsePublicId(publicId: string): number | undefined {
  return /^a\d{1,15}$/.test(publicId) ? Number(publicId.slice(1)) : undefined
}

function ownerColumn({ kind }: CredentialOwner): 'user_id' | 'service_id' {
  return kind === 'user' ? 'user_id' : 'service_id'
}

function nameOwner({ kind, name }: CredentialOwner): string {
  return `${kind}:${name}`
}

function parseToken(row: TokenRow, owner: CredentialOwner): Token {
  return {
    id: row.id,
    owner,
    prefix: row.prefix,
    clientId: row.client_id,
    clientName: row.client_id === hubClientId ? 'JupyterHub' : row.client_name || row.client_id,
    sessionId: row.session_id,
    scopes: parseScopeList(row.scopes),
    note: row.note,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
    lastActivityAtMs: row.last_activity,
    serverId: row.server_id,
  }
}
