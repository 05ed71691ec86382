import { minPasswordLength } from '@atrium/contract/account.ts'
import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudit, systemActor } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { createTurns, type Turns } from '#platform/turns.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import { isUserName, normaliseUserName, printable } from './names.ts'
import { hashPassword, isPassword } from './password-hash.ts'
import { createSignInPause, type SignInPause } from './sign-in-pause.ts'
import type { User, Users } from './users.ts'

/** Asks PAM. Answers false for a wrong password or a closed account; throws when it cannot be asked. */
export type CheckPam = (
  name: string,
  password: string,
  options: { readonly signal: AbortSignal },
) => Promise<boolean>

/** Sign-in by name and password: local accounts, then PAM where it is given. */
export interface Passwords {
  /**
   * Who this is. Throws `wrong_password` whatever was wrong, and `too_many_requests` during the pause after several failures. Without PAM the
   * time does not tell either whether there is such a user. A user whom PAM knows and we don't is created.
   */
  signIn(name: string, password: string, remote: string): Promise<User>
  /** True when it is the user's own local password; counts failures as `signIn` does. */
  verify(user: User, password: string, remote: string): Promise<boolean>
  /** Throws `bad_request` for one that is too short or too long. Ends the pause after failed sign-ins. */
  setPassword(userId: number, password: string, actor: Actor): Promise<void>
}

interface PasswordsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly users: Users
  /** Absent: local accounts alone. */
  readonly checkPam?: CheckPam | undefined
}

const longestPassword = 1024
/** A look at a password takes a thread of Node's pool for some 30 ms, and 19 MB: the pool's other two are left to files. */
const mostHashedAtOnce = 2
/** Each is a process. */
const mostPamAtOnce = 16
/** A lecture begins, and everybody signs in. The last of these waits for some seconds. */
const mostWaiting = 500
const pamTimeoutMs = 30_000

/** See `Passwords`. */
export function createPasswords(options: PasswordsOptions): Passwords {
  return new LocalPasswords(options)
}

class LocalPasswords implements Passwords {
  readonly #options: PasswordsOptions
  readonly #pause: SignInPause
  #decoy: Promise<string> | undefined
  readonly #hashing = createTurns({ atOnce: mostHashedAtOnce, mostWaiting })
  readonly #asking = createTurns({ atOnce: mostPamAtOnce, mostWaiting })

  constructor(options: PasswordsOptions) {
    this.#options = options
    this.#pause = createSignInPause(options)
  }

  async signIn(name: string, password: string, remote: string): Promise<User> {
    const { users, log } = this.#options
    const normalised = normaliseUserName(name)
    const user = await users.find(normalised)
    // Nothing is kept of names that nobody can have: a stranger chooses how long they are, and how many.
    const counted = isUserName(normalised) ? normalised : ''
    await this.#pause.begin(counted)
    if (await this.#isRight(normalised, user, password)) {
      await this.#pause.succeed(counted)
      return user ?? users.ensure({ name: normalised }, systemActor)
    }
    if (user === undefined)
      log.info({ user: printable(normalised), remote }, 'sign-in of an unknown user refused')
    else await this.#recordRefusal(user, remote)
    throw new PlatformError('wrong_password')
  }

  async verify(user: User, password: string, remote: string): Promise<boolean> {
    const stored = await this.#findHash(user.id)
    if (stored === null) return false
    await this.#pause.begin(user.name)
    const isRight =
      isAcceptable(password) && (await inTurn(this.#hashing, () => isPassword(password, stored)))
    if (isRight) await this.#pause.succeed(user.name)
    else await this.#recordRefusal(user, remote)
    return isRight
  }

  async setPassword(userId: number, password: string, actor: Actor): Promise<void> {
    const hash = await hashNewPassword(password)
    await this.#options.store.transaction((tx) =>
      storePassword(tx, this.#options.clock, { userId, hash, actor }),
    )
  }

  /** Every refusal costs a look at some hash or at PAM. */
  async #isRight(name: string, user: User | undefined, password: string): Promise<boolean> {
    const { checkPam } = this.#options
    const stored = user === undefined ? null : await this.#findHash(user.id)
    const isPossible = isUserName(name) && isAcceptable(password)
    if (stored === null && checkPam !== undefined && isPossible) {
      return inTurn(this.#asking, () =>
        checkPam(name, password, { signal: AbortSignal.timeout(pamTimeoutMs) }),
      )
    }
    this.#decoy ??= hashPassword('nobody')
    const compared = stored ?? (await this.#decoy)
    const isRight = await inTurn(this.#hashing, () => isPassword(isPossible ? password : '', compared))
    return isRight && isPossible && stored !== null
  }

  async #findHash(userId: number): Promise<string | null> {
    const row = await this.#options.store.db
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', userId)
      .executeTakeFirst()
    return row?.password_hash ?? null
  }

  async #recordRefusal({ name }: User, remote: string): Promise<void> {
    const { store, clock } = this.#options
    const actor = { name: `user:${name}`, remote }
    await store.transaction((tx) =>
      recordAudit(tx, clock, { actor, action: 'session.start', target: actor.name, outcome: 'refused' }),
    )
  }
}

/** A flood of sign-ins is refused rather than let everybody wait without end. */
async function inTurn(turns: Turns, check: () => Promise<boolean>): Promise<boolean> {
  const checked = turns.take(check)
  if (checked === undefined) throw new PlatformError('too_many_requests')
  return checked
}

/** The hash of a password that somebody chose. Throws `bad_request` for one that is too short or too long. */
export async function hashNewPassword(password: string): Promise<string> {
  if ([...password].length < minPasswordLength) {
    throw new PlatformError('bad_request', {
      message: `A password has at least ${minPasswordLength} characters.`,
    })
  }
  if (!isAcceptable(password)) {
    throw new PlatformError('bad_request', {
      message: `A password has at most ${longestPassword} characters.`,
    })
  }
  return hashPassword(password)
}

/** Stores a password's hash as a part of something larger. One-time links of the user that are still open end with it. */
export async function storePassword(
  tx: StoreTransaction,
  clock: Clock,
  { userId, hash, actor }: { userId: number; hash: string; actor: Actor },
): Promise<void> {
  const row = await tx.db
    .updateTable('users')
    .set({ password_hash: hash, failed_logins: 0, locked_until: null })
    .where('id', '=', userId)
    .returning('name')
    .executeTakeFirst()
  if (row === undefined) throw new PlatformError('not_found')
  // Links that were sent before would open the account to who finds them later.
  await tx.db
    .deleteFrom('one_time_links')
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .execute()
  tx.changed('user', row.name)
  await recordAudit(tx, clock, { actor, action: 'password.set', target: `user:${row.name}` })
}

/** Hashing costs time that grows with the length. */
function isAcceptable(password: string): boolean {
  return password.length <= longestPassword
}
