import type { CredentialOwner } from './tokens.ts'

/** The OAuth client that a token is asked for by, as far as scopes are concerned. */
export type GrantClient =
  | { readonly kind: 'server'; readonly user: string; readonly server: string }
  | { readonly kind: 'service'; readonly service: string }

/** Decides what a token may carry. */
export interface Grants {
  /** Fully expanded scopes that the owner holds now: roles, groups' roles and shares. */
  scopesOf(owner: CredentialOwner): Promise<readonly string[]>
  /**
   * Cuts what a client asks for to what it may have, in the shortest writing: a scope that is allowed as a whole stays as written, one that is
   * partly allowed becomes its allowed parts. `refused`: what was not allowed as a whole.
   */
  resolve(
    requested: readonly string[],
    held: readonly string[],
    user: CredentialOwner,
    client?: GrantClient,
  ): Promise<{ allowed: readonly string[]; refused: readonly string[] }>
}
