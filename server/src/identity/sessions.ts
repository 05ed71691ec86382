import type { Actor } from '#observe/audit.ts'

/** A browser that is signed in. */
export interface Session {
  readonly id: number
  /** Public id: OAuth tokens refer to it. */
  readonly sessionId: string
  readonly userId: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly lastActivityAtMs: number
  readonly remote: string
  readonly userAgent: string
}

/** The browser sessions. Changes are announced as `session HASH`. */
export interface Sessions {
  /** `secret` goes into the session cookie and nowhere else. */
  create(
    user: { readonly id: number; readonly name: string },
    browser: { readonly remote: string; readonly userAgent: string },
  ): Promise<{ session: Session; secret: string }>
  list(userId: number): Promise<readonly Session[]>
  /** Signs out one browser: the session and the OAuth tokens that were given to it. Repeatable. */
  end(userId: number, sessionId: string, actor: Actor): Promise<void>
  /** Signs out all browsers of a user but `except`. */
  endAll(userId: number, actor: Actor, options?: { readonly except?: string }): Promise<void>
}
