import type { Actor } from '#observe/audit.ts'
import type { StoreTransaction } from '#store/store.ts'

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

/** What can be said of a user at birth. */
export interface NewUser {
  /** Any spelling that `normaliseUserName` accepts. */
  readonly name: string
  readonly admin?: boolean
  readonly groups?: readonly string[]
}

/** A part of the list of users. */
export interface UserQuery {
  readonly offset: number
  readonly limit: number
  readonly sort: 'id' | 'name' | 'last_activity'
  readonly descending: boolean
  /** Contained in the name, whatever the case. */
  readonly nameFilter?: string
  /** Only these; absent: all. */
  readonly within?: { readonly users: readonly string[]; readonly groups: readonly string[] }
  /** Only users who have, or have not, one of these ids. */
  readonly only?: ReadonlySet<number>
  readonly except?: ReadonlySet<number>
}

/** The users. Names given are taken as they are unless a method says that it normalises. Changes are announced as `user NAME`. */
export interface Users {
  find(name: string): Promise<User | undefined>
  findById(id: number): Promise<User | undefined>
  /** Throws `not_found`. */
  get(name: string): Promise<User>
  list(query: UserQuery): Promise<{ users: readonly User[]; total: number }>
  /** Names of the groups of each user, by user id. */
  groupsOf(userIds: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>
  /** Names of the roles given to each user directly, by user id. */
  rolesOf(userIds: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>
  /** Creates those that do not exist yet and answers them. Throws `invalid_name`. */
  create(users: readonly NewUser[], actor: Actor): Promise<readonly User[]>
  /** The user of that name, made if need be: for sign-in by a door that vouches for the name (PAM). */
  ensure(user: NewUser, actor: Actor): Promise<User>
  /** `name`: servers, tokens and sessions stay. Throws `not_found`, `invalid_name`, `conflict` (the new name is taken). */
  update(
    name: string,
    change: { readonly name?: string; readonly admin?: boolean; readonly authState?: unknown },
    actor: Actor,
  ): Promise<User>
  /** Removes the user, tokens, sessions, shares and servers' records. The caller has stopped the servers. Throws `not_found`. */
  remove(name: string, actor: Actor): Promise<void>
  /** What an authenticator left with the user, for who holds `admin:auth_state`. */
  readAuthState(id: number): Promise<unknown>
  /** Fixes the Unix account, once. */
  setUnixAccount(
    tx: StoreTransaction,
    id: number,
    account: { login: string; uid: number; gid: number },
  ): Promise<void>
}
