import type { Actor } from '#observe/audit.ts'
import type { User } from './users.ts'

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
  listInvitations(): Promise<readonly OneTimeLink[]>
  /** Repeatable. */
  revokeInvitation(id: number, actor: Actor): Promise<void>
  /** Without using it up. */
  inspect(secret: string): Promise<OneTimeLink | undefined>
  /**
   * Uses it up and does what it is for: sets the password, makes the invited user. Answers who may sign in now. Throws `gone` when it was
   * used, revoked or has expired, and what `setPassword` and `users.create` throw, without using it up. `password` is needed for
   * `set-password` and invitations, and may come with `sign-in`.
   */
  use(
    secret: string,
    input: { readonly username?: string; readonly password?: string },
    remote: string,
  ): Promise<{ user: User; purpose: LinkPurpose }>
}
