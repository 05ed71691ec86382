import { PlatformError } from '@atrium/contract/errors.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { OneTimeLinksTable } from '#store/tables.ts'
import { insertUsers } from './insert-users.ts'
import { hashNewPassword, storePassword } from './passwords.ts'
import { endSessions } from './sessions.ts'
import type { User, Users } from './users.ts'

export type LinkPurpose = 'sign-in' | 'set-password' | 'invitation'

/** What an invitation gives besides an account. */
export interface InvitationData {
  /** The name that the account gets; absent: the guest chooses. */
  readonly username?: string
  readonly groups: readonly string[]
  readonly admin: boolean
}

/** A link that has not been used and has not expired. */
export interface OneTimeLink {
  readonly id: number
  readonly purpose: LinkPurpose
  /** Whose account; undefined for invitations. */
  readonly user?: { readonly id: number; readonly name: string }
  readonly invitation?: InvitationData
  readonly createdBy: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** A link with its secret: the only time it is seen. */
export interface CreatedLink {
  readonly link: OneTimeLink
  readonly secret: string
}

/** What the person at the link gave. */
export interface LinkInput {
  /** For an invitation without a name. */
  readonly username?: string
  readonly password?: string
}

/** Links that work once: only their hash is kept, and of two uses at the same time, on whichever replicas, one wins. */
export interface OneTimeLinks {
  createFor(
    purpose: 'sign-in' | 'set-password',
    user: { readonly id: number; readonly name: string },
    actor: Actor,
    options?: { readonly expiresInMs?: number },
  ): Promise<CreatedLink>
  createInvitation(
    data: InvitationData,
    actor: Actor,
    options?: { readonly expiresInMs?: number },
  ): Promise<CreatedLink>
  /** Open ones, the newest first. */
  listInvitations(): Promise<readonly OneTimeLink[]>
  /** Repeatable. */
  revokeInvitation(id: number, actor: Actor): Promise<void>
  /** Without using it up. */
  inspect(secret: string): Promise<OneTimeLink | undefined>
  /**
   * Uses it up and does what it is for: sets the password (which ends the user's sessions), makes the invited user. Answers who may sign in
   * now. `password` is needed for `set-password` and invitations, and may come with `sign-in`. Throws `gone` when the link was used, revoked
   * or has expired; `bad_request`, `invalid_name` and `conflict` (the name is taken) do not use it up.
   */
  use(secret: string, input: LinkInput, remote: string): Promise<{ user: User; purpose: LinkPurpose }>
}

interface OneTimeLinksOptions {
  readonly store: Store
  readonly clock: Clock
  readonly users: Users
  /** A link is good for this long unless said otherwise. */
  readonly lifetimeMs: number
}

/** See `OneTimeLinks`. */
export function createOneTimeLinks(options: OneTimeLinksOptions): OneTimeLinks {
  return new StoredLinks(options)
}

class StoredLinks implements OneTimeLinks {
  readonly #options: OneTimeLinksOptions

  constructor(options: OneTimeLinksOptions) {
    this.#options = options
  }

  createFor: OneTimeLinks['createFor'] = async (purpose, user, actor, options = {}) => {
    return this.#create({ purpose, user_id: user.id, data: '{}' }, actor, options, `user:${user.name}`)
  }

  createInvitation: OneTimeLinks['createInvitation'] = async (data, actor, options = {}) => {
    const row = { purpose: 'invitation', user_id: null, data: JSON.stringify(data) } as const
    return this.#create(row, actor, options, `user:${data.username ?? ''}`)
  }

  async #create(
    row: Pick<Selectable<OneTimeLinksTable>, 'purpose' | 'user_id' | 'data'>,
    actor: Actor,
    { expiresInMs = this.#options.lifetimeMs }: { readonly expiresInMs?: number },
    target: string,
  ): Promise<CreatedLink> {
    const { store, clock } = this.#options
    const secret = createSecret()
    const nowMs = clock.now()
    const id = await store.transaction(async (tx) => {
      const inserted = await tx.db
        .insertInto('one_time_links')
        .values({
          ...row,
          hash: hashSecret(secret),
          created_by: actor.name,
          created_at: nowMs,
          expires_at: nowMs + expiresInMs,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      await recordAudit(tx, clock, {
        actor,
        action: `link.create.${row.purpose}`,
        target,
        detail: JSON.parse(row.data),
      })
      return inserted.id
    })
    const created = await this.#selectOpen().where('one_time_links.id', '=', id).executeTakeFirstOrThrow()
    return { link: parseLink(created), secret }
  }

  async listInvitations(): Promise<readonly OneTimeLink[]> {
    const rows = await this.#selectOpen()
      .where('purpose', '=', 'invitation')
      .orderBy('one_time_links.id', 'desc')
      .execute()
    return rows.map(parseLink)
  }

  async revokeInvitation(id: number, actor: Actor): Promise<void> {
    const { store, clock } = this.#options
    await store.transaction(async (tx) => {
      const gone = await tx.db
        .deleteFrom('one_time_links')
        .where('id', '=', id)
        .where('purpose', '=', 'invitation')
        .where('used_at', 'is', null)
        .returning('data')
        .executeTakeFirst()
      if (gone === undefined) return
      const detail = JSON.parse(gone.data)
      await recordAudit(tx, clock, {
        actor,
        action: 'link.revoke',
        target: `user:${detail.username ?? ''}`,
        detail,
      })
    })
  }

  async inspect(secret: string): Promise<OneTimeLink | undefined> {
    const row = await this.#selectOpen().where('hash', '=', hashSecret(secret)).executeTakeFirst()
    return row && parseLink(row)
  }

  async use(secret: string, input: LinkInput, remote: string): Promise<{ user: User; purpose: LinkPurpose }> {
    const { store, clock, users } = this.#options
    const link = await this.inspect(secret)
    if (link === undefined) throw new PlatformError('gone')
    // Hashing takes long: not in the transaction, which on SQLite everybody waits for.
    const hash = await hashPasswordFor(link, input)
    const userId = await store.transaction(async (tx) => {
      await this.#consume(tx, link.id)
      const user = link.user ?? (await createInvited(tx, clock, link, input, remote))
      const actor = { name: `user:${user.name}`, remote }
      await recordAudit(tx, clock, { actor, action: `link.use.${link.purpose}`, target: actor.name })
      if (hash === undefined) return user.id
      await storePassword(tx, clock, { userId: user.id, hash, actor })
      await endSessions(tx, clock, { userId: user.id, actor })
      return user.id
    })
    const user = await users.findById(userId)
    if (user === undefined) throw new PlatformError('gone')
    return { user, purpose: link.purpose }
  }

  async #consume(tx: StoreTransaction, id: number): Promise<void> {
    const nowMs = this.#options.clock.now()
    const used = await tx.db
      .updateTable('one_time_links')
      .set({ used_at: nowMs })
      .where('id', '=', id)
      .where('used_at', 'is', null)
      .where('expires_at', '>', nowMs)
      .returning('id')
      .executeTakeFirst()
    if (used === undefined) throw new PlatformError('gone')
  }

  #selectOpen() {
    const { store, clock } = this.#options
    return store.db
      .selectFrom('one_time_links')
      .leftJoin('users', 'users.id', 'one_time_links.user_id')
      .selectAll('one_time_links')
      .select('users.name as user')
      .where('used_at', 'is', null)
      .where('expires_at', '>', clock.now())
  }
}

async function hashPasswordFor(
  { purpose }: OneTimeLink,
  { password }: LinkInput,
): Promise<string | undefined> {
  if (password !== undefined) return hashNewPassword(password)
  if (purpose === 'sign-in') return undefined
  throw new PlatformError('bad_request', { message: 'Choose a password.' })
}

async function createInvited(
  tx: StoreTransaction,
  clock: Clock,
  { invitation, createdBy }: OneTimeLink,
  { username }: LinkInput,
  remote: string,
): Promise<{ id: number; name: string }> {
  const name = invitation?.username ?? username
  if (name === undefined) throw new PlatformError('bad_request', { message: 'Choose a name.' })
  const wanted = { name, admin: invitation?.admin ?? false, groups: invitation?.groups ?? [] }
  const [created] = await insertUsers(tx, clock, [wanted], { name: createdBy, remote })
  if (created === undefined) throw new PlatformError('conflict', { message: 'This name is taken.' })
  return created
}

function parseLink(row: Selectable<OneTimeLinksTable> & { user: string | null }): OneTimeLink {
  return {
    id: row.id,
    purpose: row.purpose,
    ...(row.user_id === null || row.user === null ? {} : { user: { id: row.user_id, name: row.user } }),
    ...(row.purpose === 'invitation' ? { invitation: JSON.parse(row.data) as InvitationData } : {}),
    createdBy: row.created_by,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
  }
}
