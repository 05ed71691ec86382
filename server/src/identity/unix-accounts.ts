import { createHash } from 'node:crypto'

import type { Store, StoreTransaction } from '#store/store.ts'

import type { SystemAccount, SystemAccounts } from './system-accounts.ts'
import type { User } from './users.ts'

/** Who a user is on the machines. */
export interface UnixAccount {
  login: string
  /** Names the user's folders: safe as one part of a path, unique, and the same after the user was renamed. */
  folder: string
  /** Absent where everything runs as one user. */
  uid?: number
  gid?: number
  gids?: readonly number[]
  /** The account's own home; absent: the platform gives one. */
  home?: string
  shell: string
}

/** Finds or makes the accounts that users' jobs run under. */
export interface UnixAccounts {
  /** Repeatable: what was fixed for a user once stays. */
  ensure(user: User): Promise<UnixAccount>
}

/** Numbers for users whom the machine does not know. Both ends count. */
export interface UidRange {
  first: number
  last: number
}

interface UnixAccountsOptions {
  store: Store
  system: SystemAccounts
  /** Absent: everything runs as the platform's own user. */
  uids?: UidRange
  /** The platform's own user and shell. */
  self: { login: string; shell: string }
}

interface Allocation {
  nextUid: number
}

/** What is kept of an account. */
interface FixedAccount {
  login: string
  uid: number
  gid: number
}

const settingKey = 'unix-accounts'
/** Below are the machine's own accounts (`UID_MIN` of login.defs(5)), and `nobody` owns what nobody should. */
const firstPersonUid = 1000
const nobodyUid = 65534

/**
 * As root a user gets the machine's account of the same name when it is a person's and the user has no password with us: whoever sets a
 * password of ours has not shown that the machine's account is theirs. Everybody else gets a number of the range, never one that was given
 * before, so that nobody inherits the files of someone deleted.
 */
export function createUnixAccounts(options: UnixAccountsOptions): UnixAccounts {
  const { store, system, uids, self } = options
  if (uids === undefined) {
    return {
      async ensure(user) {
        const folder = user.login ?? (await store.transaction((tx) => fixFolder(tx, user)))
        return { login: self.login, folder, shell: self.shell }
      },
    }
  }
  const describe = async (fixed: FixedAccount): Promise<UnixAccount> => {
    const given = { ...fixed, folder: fixed.login, gids: [], shell: self.shell }
    if (fixed.uid >= uids.first && fixed.uid <= uids.last) return given
    const account = await system.find(fixed.login)
    if (account?.uid !== fixed.uid) return given
    return { ...given, gid: account.gid, gids: account.gids, home: account.home, shell: account.shell }
  }
  return {
    async ensure(user) {
      if (user.login !== null && user.uid !== null)
        return describe({ login: user.login, uid: user.uid, gid: user.gid ?? user.uid })
      const account = user.hasPassword ? undefined : await findPerson(system, user.name)
      const fixed = await store.transaction((tx) => fixAccount(tx, user, account, uids))
      return describe(fixed)
    },
  }
}

async function findPerson(system: SystemAccounts, name: string): Promise<SystemAccount | undefined> {
  const account = await system.find(name)
  return account !== undefined && isPerson(account) ? account : undefined
}

/** False for the machine's own accounts. */
export function isPerson({ uid }: SystemAccount): boolean {
  return uid >= firstPersonUid && uid !== nobodyUid
}

async function fixAccount(
  tx: StoreTransaction,
  user: User,
  account: SystemAccount | undefined,
  uids: UidRange,
): Promise<FixedAccount> {
  const allocation = await lockAllocation(tx, uids.first)
  const stored = await findStored(tx, user.id)
  if (stored?.login != null && stored.uid !== null)
    return { login: stored.login, uid: stored.uid, gid: stored.gid ?? stored.uid }
  const isFree = account !== undefined && !(await isTaken(tx, user.id, account.login, account.uid))
  const fixed = isFree
    ? { login: account.login, uid: account.uid, gid: account.gid }
    : { login: stored?.login ?? (await chooseFolder(tx, user)), ...takeUid(allocation, uids) }
  await tx.db.updateTable('users').set(fixed).where('id', '=', user.id).execute()
  await saveAllocation(tx, isFree ? allocation : { nextUid: fixed.uid + 1 })
  tx.changed('user', user.name)
  return fixed
}

async function fixFolder(tx: StoreTransaction, user: User): Promise<string> {
  await lockAllocation(tx, 0)
  const stored = await findStored(tx, user.id)
  if (stored?.login != null) return stored.login
  const login = await chooseFolder(tx, user)
  await tx.db.updateTable('users').set({ login }).where('id', '=', user.id).execute()
  tx.changed('user', user.name)
  return login
}

function takeUid({ nextUid }: Allocation, uids: UidRange): { uid: number; gid: number } {
  if (nextUid > uids.last)
    throw new Error(`all user ids from ${uids.first} to ${uids.last} have been given out`)
  return { uid: nextUid, gid: nextUid }
}

/** One writer at a time: the row is locked until the transaction ends. */
async function lockAllocation(tx: StoreTransaction, firstUid: number): Promise<Allocation> {
  const { value } = await tx.db
    .insertInto('settings')
    .values({ key: settingKey, value: JSON.stringify({ nextUid: firstUid } satisfies Allocation) })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ key: settingKey }))
    .returning('value')
    .executeTakeFirstOrThrow()
  return JSON.parse(value) as Allocation
}

async function saveAllocation(tx: StoreTransaction, allocation: Allocation): Promise<void> {
  await tx.db
    .updateTable('settings')
    .set({ value: JSON.stringify(allocation) })
    .where('key', '=', settingKey)
    .execute()
}

function findStored(tx: StoreTransaction, id: number) {
  return tx.db.selectFrom('users').select(['login', 'uid', 'gid']).where('id', '=', id).executeTakeFirst()
}

async function isTaken(tx: StoreTransaction, userId: number, login: string, uid?: number): Promise<boolean> {
  const other = await tx.db
    .selectFrom('users')
    .select('id')
    .where('id', '!=', userId)
    .where((where) =>
      where.or([where('login', '=', login), ...(uid === undefined ? [] : [where('uid', '=', uid)])]),
    )
    .executeTakeFirst()
  return other !== undefined
}

async function chooseFolder(tx: StoreTransaction, user: User): Promise<string> {
  const wanted = buildFolderName(user.name)
  for (let attempt = 1; ; attempt++) {
    const candidate = attempt === 1 ? wanted : `${wanted}-${attempt}`
    if (!(await isTaken(tx, user.id, candidate))) return candidate
  }
}

/** A user's name as a login and as one part of a path. A name that is neither is replaced by what can be read of it and a hash. */
export function buildFolderName(name: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(name)) return name
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 20)
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10)
  return readable === '' ? `user-${hash}` : `${readable}-${hash}`
}
