import type { Actor } from '#observe/audit.ts'
import type { StoreTransaction } from '#store/store.ts'

/** Whose credential it is. */
export interface CredentialOwner {
  readonly kind: 'user' | 'service'
  readonly id: number
  readonly name: string
}

/** OAuth client id of tokens that were asked for by page or API. */
export const hubClientId = 'jupyterhub'

/** A token as stored; its secret is not. */
export interface Token {
  readonly id: number
  readonly owner: CredentialOwner
  /** First characters of the secret. */
  readonly prefix: string
  readonly clientId: string
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
  /** What it may do now: its scopes cut to its owner's, expanded and sorted. */
  effectiveScopes(token: Token): Promise<readonly string[]>
}
