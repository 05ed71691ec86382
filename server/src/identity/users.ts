import { PlatformError } from '@atrium/contract/errors.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { isUniqueViolation } from '#store/database-errors.ts'
import type { Store } from '#store/store.ts'
import type { UsersTable } from '#store/tables.ts'
import type { Activity } from './activity.ts'
import { readInParts } from './in-parts.ts'
import { insertUsers, type NewUser } from './insert-users.ts'
import { parseUserName } from './names.ts'
import { announceShareHolders } from './share-holders.ts'
import { selectUsers, type UserQuery, type UserRow, userColumns } from './user-query.ts'

/** A user as stored. */
export interface User {
  readonly id: number
  /** Normalised: lower case. */
  readonly name: string
  readonly admin: boolean
  readonly createdAtMs: number
  readonly lastActivityAtMs: number | null
  readonly hasPassword: boolean
  /** Unix account on the nodes; null until the first job needs it. */
  readonly login: string | null
  readonly uid: number | null
  readonly gid: number | null
}

/** What can be changed of a user. */
export interface UserChange {
  readonly name?: string
  readonly admin?: boolean
  readonly authState?: unknown
}

/** The users. Names given are taken as they are unless a method says that it normalises. Changes are announced as `user NAME`. */
export interface Users {
  find(name: string): Promise<User | undefined>
  findById(id: number): Promise<User | undefined>
  /** Throws `not_found`. */
  get(name: string): Promise<User>
  /** `total` counts all that the query finds. */
  list(query: UserQuery): Promise<{ users: readonly User[]; total: number }>
  /** Names of the groups of each user, by user id. */
  groupsOf(userIds: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>
  /** Names of the roles that each user has without regard to groups, by user id. */
  rolesOf(users: readonly Pick<User, 'id' | 'admin'>[]): Promise<ReadonlyMap<number, readonly string[]>>
  /** Normalises. Creates those that do not exist yet and answers them. Throws `invalid_name`, and `bad_request` for an unknown group. */
  create(users: readonly NewUser[], actor: Actor): Promise<readonly User[]>
  /** Normalises. The user of that name, made if need be: for sign-in by a door that vouches for the name (PAM). */
  ensure(user: NewUser, actor: Actor): Promise<User>
  /** With `name`, which is normalised, servers, tokens and sessions stay. Throws `not_found`, `invalid_name`, `conflict` (the name is taken). */
  update(name: string, change: UserChange, actor: Actor): Promise<User>
  /** Removes the user, tokens, sessions, shares and servers' records. The caller has stopped the servers. Throws `not_found`. */
  remove(name: string, actor: Actor): Promise<void>
  /** What an authenticator left with the user, for who holds `admin:auth_state`; null: nothing. */
  readAuthState(id: number): Promise<unknown>
}

interface UsersOptions {
  readonly store: Store
  readonly clock: Clock
  readonly activity: Activity
  /** Keeps `authState` unreadable in the database. */
  readonly sealedBox: SealedBox
}

/** See `Users`. */
export function createUsers(options: UsersOptions): Users {
  return new StoredUsers(options)
}

class StoredUsers implements Users {
  readonly #store: Store
  readonly #clock: Clock
  readonly #activity: Activity
  readonly #sealedBox: SealedBox

  constructor({ store, clock, activity, sealedBox }: UsersOptions) {
    this.#store = store
    this.#clock = clock
    this.#activity = activity
    this.#sealedBox = sealedBox
  }

  async find(name: string): Promise<User | undefined> {
    const row = await this.#store.db
      .selectFrom('users')
      .select(userColumns)
      .where('name', '=', name)
      .executeTakeFirst()
    return row && this.#parse(row)
  }

  async findById(id: number): Promise<User | undefined> {
    const row = await this.#store.db
      .selectFrom('users')
      .select(userColumns)
      .where('id', '=', id)
      .executeTakeFirst()
    return row && this.#parse(row)
  }

  async get(name: string): Promise<User> {
    const user = await this.find(name)
    if (user === undefined) throw new PlatformError('not_found')
    return user
  }

  async list(query: UserQuery): Promise<{ users: readonly User[]; total: number }> {
    const { rows, total } = await selectUsers(this.#store.db, query)
    return { users: rows.map((row) => this.#parse(row)), total }
  }

  async groupsOf(userIds: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    const rows = await readInParts(userIds, (part) =>
      this.#store.db
        .selectFrom('group_members')
        .innerJoin('groups', 'groups.id', 'group_members.group_id')
        .select(['user_id', 'name'])
        .where('user_id', 'in', part)
        .orderBy('groups.id')
        .execute(),
    )
    return collectNames(rows)
  }

  async rolesOf(
    users: readonly Pick<User, 'id' | 'admin'>[],
  ): Promise<ReadonlyMap<number, readonly string[]>> {
    const rows = await readInParts(users, (part) =>
      this.#store.db
        .selectFrom('role_assignments')
        .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
        .select(['user_id', 'name'])
        .where(
          'user_id',
          'in',
          part.map(({ id }) => id),
        )
        .orderBy('roles.id')
        .execute(),
    )
    const given = collectNames(rows)
    return new Map(
      users.map(({ id, admin }) => [id, [...(admin ? ['admin'] : []), 'user', ...(given.get(id) ?? [])]]),
    )
  }

  async create(users: readonly NewUser[], actor: Actor): Promise<readonly User[]> {
    return this.#store.transaction(async (tx) => {
      const rows = await insertUsers(tx, this.#clock, users, actor)
      return rows.map((row) => this.#parse(row))
    })
  }

  async ensure(user: NewUser, actor: Actor): Promise<User> {
    const name = parseUserName(user.name)
    const known = await this.find(name)
    if (known !== undefined) return known
    const [created] = await this.create([user], actor)
    // Somebody else may have been faster.
    return created ?? this.get(name)
  }

  async update(name: string, change: UserChange, actor: Actor): Promise<User> {
    const newName = change.name === undefined ? name : parseUserName(change.name)
    const values: Partial<Selectable<UsersTable>> = {
      name: newName,
      ...(change.admin === undefined ? {} : { admin: change.admin ? 1 : 0 }),
      ...(change.authState === undefined ? {} : { auth_state: this.#sealAuthState(change.authState) }),
    }
    try {
      return await this.#store.transaction(async (tx) => {
        const row = await tx.db
          .updateTable('users')
          .set(values)
          .where('name', '=', name)
          .returning(userColumns)
          .executeTakeFirst()
        if (row === undefined) throw new PlatformError('not_found')
        tx.changed('user', name)
        tx.changed('user', newName)
        if (newName !== name) await announceShareHolders(tx, row.id)
        const detail = { ...change, ...(change.authState === undefined ? {} : { authState: '***' }) }
        await recordAudit(tx, this.#clock, { actor, action: 'user.update', target: `user:${name}`, detail })
        return this.#parse(row)
      })
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw new PlatformError('conflict', {
        message: `User ${newName} already exists, username must be unique`,
      })
    }
  }

  async remove(name: string, actor: Actor): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const row = await tx.db.selectFrom('users').select('id').where('name', '=', name).executeTakeFirst()
      if (row === undefined) throw new PlatformError('not_found')
      await announceShareHolders(tx, row.id)
      await tx.db.deleteFrom('users').where('id', '=', row.id).execute()
      tx.changed('user', name)
      await recordAudit(tx, this.#clock, { actor, action: 'user.delete', target: `user:${name}` })
    })
  }

  async readAuthState(id: number): Promise<unknown> {
    const row = await this.#store.db
      .selectFrom('users')
      .select('auth_state')
      .where('id', '=', id)
      .executeTakeFirst()
    return row?.auth_state == null ? null : JSON.parse(this.#sealedBox.open(row.auth_state))
  }

  #sealAuthState(state: unknown): string | null {
    return state === null ? null : this.#sealedBox.seal(JSON.stringify(state))
  }

  #parse(row: UserRow): User {
    const seenMs = this.#activity.findUser(row.id) ?? 0
    return {
      id: row.id,
      name: row.name,
      admin: row.admin === 1,
      createdAtMs: row.created_at,
      lastActivityAtMs: Math.max(row.last_activity ?? 0, seenMs) || null,
      hasPassword: Boolean(row.has_password),
      login: row.login,
      uid: row.uid,
      gid: row.gid,
    }
  }
}

function collectNames(
  rows: readonly { readonly user_id: number | null; readonly name: string }[],
): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, string[]>()
  for (const { user_id, name } of rows) {
    if (user_id === null) continue
    const known = names.get(user_id)
    if (known === undefined) names.set(user_id, [name])
    else known.push(name)
  }
  return names
}
