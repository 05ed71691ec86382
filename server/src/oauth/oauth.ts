import type { Grants } from '#identity/grants.ts'
import type { Roles } from '#identity/roles.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'
import { createAuthorizationCodes } from './authorization-codes.ts'
import { type AuthorizeEndpoint, createAuthorizeEndpoint } from './endpoints/authorize.ts'
import { createTokenEndpoint, type TokenEndpoint } from './endpoints/token.ts'

export interface OauthOptions {
  store: Store
  identity: { grants: Grants; roles: Roles; tokens: Tokens }
  clock: Clock
  log: Logger
  /** Clients that people are not asked about: services with `oauthNoConfirm`. */
  trustedClients: ReadonlySet<string>
  /** Refuse clients that send no code challenge. */
  requirePkce: boolean
  tokenLifetimeMs: number
}

/** JupyterHub's OAuth 2 provider (RFC 6749, RFC 7636); introspection is `GET /hub/api/user` with the token. */
export interface OauthProvider {
  readonly authorize: AuthorizeEndpoint
  readonly token: TokenEndpoint
}

export function createOauthProvider(options: OauthOptions): OauthProvider {
  const { store, identity, clock, log, trustedClients, requirePkce, tokenLifetimeMs } = options
  const codes = createAuthorizationCodes({ store, clock })
  return {
    authorize: createAuthorizeEndpoint({ store, ...identity, codes, log, trustedClients, requirePkce }),
    token: createTokenEndpoint({ store, tokens: identity.tokens, codes, tokenLifetimeMs }),
  }
}
