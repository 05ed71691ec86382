import type { Principal, SessionPrincipal } from './principal.ts'

/** Something that is there at once or comes later: requests whose credential is in memory must not wait for a promise. */
export type MaybePromise<T> = T | Promise<T>

/**
 * Who a credential belongs to and what it may do. Answers from memory; a change of credential, roles, groups or shares on any replica takes the
 * affected ones out at once.
 */
export interface Principals {
  /** Undefined: unknown, expired or revoked. Counts as activity of the token and its owner. */
  findByToken(secret: string): MaybePromise<Principal | undefined>
  findBySession(secret: string): MaybePromise<SessionPrincipal | undefined>
  close(): void
}
