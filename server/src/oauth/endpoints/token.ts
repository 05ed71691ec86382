import { authenticateOauthClient, type OauthClient } from '#identity/oauth-clients.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { AuthorizationCodes, StoredGrant } from '#oauth/authorization-codes.ts'
import { checkCodeVerifier } from '#oauth/code-challenge.ts'
import { OauthError } from '#oauth/oauth-error.ts'
import { parseTokenRequest, type TokenRequest } from '#oauth/token-request.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

export interface TokenDependencies {
  store: Store
  tokens: Tokens
  codes: AuthorizationCodes
  /** As long as a browser stays signed in: HubOAuth keeps the token in a cookie. */
  tokenLifetimeMs: number
}

/** RFC 6749 section 5.1. */
export interface TokenAnswer {
  access_token: string
  /** Seconds. */
  expires_in: number
  token_type: 'Bearer'
  /** Separated by spaces. */
  scope: string
}

/**
 * The token endpoint, RFC 6749 section 4.1.3: an application changes its code for a token. Throws `OauthError`. A code is good for one token;
 * as in JupyterHub, a request that is refused does not use it up.
 */
export type TokenEndpoint = (body: URLSearchParams, authorization: string | undefined) => Promise<TokenAnswer>

export function createTokenEndpoint(dependencies: TokenDependencies): TokenEndpoint {
  return async (body, authorization) => {
    const request = parseTokenRequest(body, authorization)
    const client = await authenticateClient(dependencies, request)
    const grant = await getGrant(dependencies, request, client)
    checkRedirectUri(request, grant)
    checkCodeVerifier(grant.codeChallenge, request.codeVerifier)
    return redeemCode(dependencies, request, grant)
  }
}

/** RFC 6749 section 3.2.1. */
async function authenticateClient(
  { store }: TokenDependencies,
  { credentials }: TokenRequest,
): Promise<OauthClient> {
  if (credentials === undefined) throw new OauthError('invalid_client', { detail: 'no credentials' })
  const client = await authenticateOauthClient(store.db, credentials.clientId, credentials.secret)
  if (client === undefined) {
    throw new OauthError('invalid_client', { detail: `wrong credentials of ${credentials.clientId}` })
  }
  return client
}

async function getGrant(
  { codes }: TokenDependencies,
  { code }: TokenRequest,
  { clientId }: OauthClient,
): Promise<StoredGrant> {
  const grant = await codes.find(code, clientId)
  if (grant === undefined) {
    throw new OauthError('invalid_grant', { detail: "unknown, expired, used or another client's code" })
  }
  return grant
}

/** RFC 6749 section 4.1.3; it may be left out, since the code is bound to the client by its secret and to the browser by PKCE. */
function checkRedirectUri({ redirectUri }: TokenRequest, grant: StoredGrant): void {
  if (redirectUri !== undefined && redirectUri !== grant.redirectUri) {
    throw new OauthError('invalid_request', { description: 'Mismatching redirect URI.' })
  }
}

/** The code goes and the token comes in one transaction. */
function redeemCode(
  { store, codes, tokens, tokenLifetimeMs }: TokenDependencies,
  { code }: TokenRequest,
  grant: StoredGrant,
): Promise<TokenAnswer> {
  return store.transaction(async (tx) => {
    const name = await lockSession(tx, grant)
    if (!(await codes.redeem(tx, code)))
      throw new OauthError('invalid_grant', { detail: 'used at this moment' })
    const { secret } = await tokens.issue(tx, {
      owner: { kind: 'user', id: grant.userId, name },
      scopes: grant.scopes,
      note: '',
      clientId: grant.clientId,
      sessionId: grant.sessionId,
      expiresInMs: tokenLifetimeMs,
    })
    return {
      access_token: secret,
      expires_in: Math.floor(tokenLifetimeMs / 1000),
      token_type: 'Bearer',
      scope: grant.scopes.join(' '),
    }
  })
}

/**
 * Holds the browser's session for the transaction, so that a sign-out comes before and leaves nothing to grant, or after and revokes the
 * token. The write is what locks the row on both kinds of store. Answers the user's name.
 */
async function lockSession(tx: StoreTransaction, grant: StoredGrant): Promise<string> {
  const session = await tx.db
    .updateTable('sessions')
    .set((row) => ({ last_activity: row.ref('last_activity') }))
    .where('session_id', '=', grant.sessionId)
    .where('user_id', '=', grant.userId)
    .returning('user_id')
    .executeTakeFirst()
  if (session === undefined) throw new OauthError('invalid_grant', { detail: 'signed out since' })
  const { name } = await tx.db
    .selectFrom('users')
    .select('name')
    .where('id', '=', grant.userId)
    .executeTakeFirstOrThrow()
  return name
}
