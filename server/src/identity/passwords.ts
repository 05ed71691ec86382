import type { Actor } from '#observe/audit.ts'
import type { User } from './users.ts'

/** Asks PAM. Answers false for a wrong password or a closed account; throws when it cannot be asked. */
export type CheckPam = (name: string, password: string, options: { signal: AbortSignal }) => Promise<boolean>

/** Sign-in by name and password: local accounts, then PAM where it is given. */
export interface Passwords {
  /**
   * Who this is. Throws `wrong_password` whatever was wrong, in the same time, and `too_many_requests` during the pause after several failures. A user
   * whom PAM knows and we don't is created.
   */
  signIn(name: string, password: string, remote: string): Promise<User>
  /** True when it is the user's own local password; counts failures as `signIn` does. */
  verify(user: User, password: string, remote: string): Promise<boolean>
  /** Throws `bad_request` for one that is too short or too long. Ends failed sign-ins' pause. */
  setPassword(userId: number, password: string, actor: Actor): Promise<void>
}
