import { PlatformError } from '@atrium/contract/errors.ts'
import type { OauthConsent } from '@atrium/contract/portal-page.ts'

import type { Grants } from '#identity/grants.ts'
import { findOauthClient, type OauthClient } from '#identity/oauth-clients.ts'
import { hasScope, type SessionPrincipal } from '#identity/principal.ts'
import type { Roles } from '#identity/roles.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { AuthorizationCodes } from '#oauth/authorization-codes.ts'
import { type AuthorizationRequest, parseAuthorizationRequest } from '#oauth/authorization-request.ts'
import { type CodeChallenge, parseCodeChallenge } from '#oauth/code-challenge.ts'
import { buildConsent, needsConsent } from '#oauth/consent.ts'
import { OauthError } from '#oauth/oauth-error.ts'
import { buildRedirect, findRedirectUri } from '#oauth/redirect-uri.ts'
import { checkClientScopes, cutToUser, expandRequest, listRequiredScopes } from '#oauth/requested-scopes.ts'
import type { Logger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'

export interface AuthorizeDependencies {
  store: Store
  grants: Grants
  roles: Roles
  tokens: Tokens
  codes: AuthorizationCodes
  log: Logger
  /** Clients that people are not asked about. */
  trustedClients: ReadonlySet<string>
  /** Refuse clients that send no code challenge; JupyterHub's own send one since 6.0. */
  requirePkce: boolean
}

/** What the browser gets: the way on, or the question whether the application may. */
export type AuthorizationAnswer =
  | { kind: 'redirect'; location: string }
  | { kind: 'consent'; consent: OauthConsent; redirectUri: string }

/** The authorization endpoint, RFC 6749 section 4.1.1, as `jupyterhub.services.auth` uses it. */
export interface AuthorizeEndpoint {
  /**
   * A browser came with an authorization request. Throws `bad_request` for what must not be redirected (section 4.1.2.1) and `forbidden` for
   * users who may not use the application: both are shown as pages.
   */
  ask(query: URLSearchParams, visitor: Visitor): Promise<AuthorizationAnswer>
  /** The person said yes to `granted`, which may be less than was asked, never more. Throws as `ask` does. */
  grant(query: URLSearchParams, granted: readonly string[], visitor: Visitor): Promise<AuthorizationAnswer>
}

/** Who sits before the browser, and by which host they know the platform. */
export interface Visitor {
  principal: SessionPrincipal
  host: string
}

/** A request whose client and redirect URI are known to be right: from here on errors go to the client. */
interface TrustedRequest {
  request: AuthorizationRequest
  client: OauthClient
  redirectUri: string
}

/** A request that may be granted. */
interface GrantableRequest extends TrustedRequest {
  codeChallenge: CodeChallenge | undefined
  scopes: readonly string[]
}

export function createAuthorizeEndpoint(dependencies: AuthorizeDependencies): AuthorizeEndpoint {
  return {
    ask(query, visitor) {
      return answer(dependencies, query, async (trusted) => {
        const grantable = await checkRequest(dependencies, trusted, visitor.principal)
        return (await isAlreadySettled(dependencies, grantable, visitor.principal))
          ? issueCode(dependencies, grantable, visitor.principal)
          : askForConsent(grantable, visitor.host)
      })
    },
    grant(query, granted, visitor) {
      return answer(dependencies, query, async (trusted) => {
        const grantable = await checkRequest(dependencies, trusted, visitor.principal)
        const scopes = chooseGranted(grantable, granted)
        return issueCode(dependencies, { ...grantable, scopes }, visitor.principal)
      })
    },
  }
}

/** Finds out whom an error may be told, then goes on with `step`. */
async function answer(
  { store, log }: AuthorizeDependencies,
  query: URLSearchParams,
  step: (trusted: TrustedRequest) => Promise<AuthorizationAnswer>,
): Promise<AuthorizationAnswer> {
  const request = parseAuthorizationRequest(query)
  const client = await findOauthClient(store.db, request.clientId)
  if (client === undefined) {
    throw new PlatformError('bad_request', { message: 'Invalid client_id parameter value.' })
  }
  const redirectUri = findRedirectUri(client.redirectUris, request.redirectUri)
  try {
    return await step({ request, client, redirectUri })
  } catch (error) {
    if (!(error instanceof OauthError)) throw error
    log.info({ client_id: client.clientId, error: error.code, detail: error.detail }, 'authorization refused')
    const parameters = { ...error.toParameters(), state: request.state }
    return { kind: 'redirect', location: buildRedirect(redirectUri, parameters) }
  }
}

async function checkRequest(
  { grants, roles, requirePkce }: AuthorizeDependencies,
  trusted: TrustedRequest,
  user: SessionPrincipal,
): Promise<GrantableRequest> {
  const { request, client } = trusted
  checkResponseType(request.responseType)
  const codeChallenge = parseCodeChallenge(request.codeChallenge, request.codeChallengeMethod)
  if (codeChallenge === undefined && requirePkce) {
    throw new OauthError('invalid_request', { description: 'Code challenge required.' })
  }
  const requested = await expandRequest(request.scopes, client, roles)
  await checkClientScopes(requested, client, user, grants)
  checkAccess(client, user)
  return { ...trusted, codeChallenge, scopes: await cutToUser(requested, client, user, grants) }
}

/** RFC 6749 section 3.1.1. */
function checkResponseType(responseType: string | undefined): void {
  if (responseType === undefined) {
    throw new OauthError('invalid_request', { description: 'Missing response_type parameter.' })
  }
  if (responseType !== 'code') throw new OauthError('unsupported_response_type')
}

/** Only who may open the server or service gets a token for it. */
function checkAccess({ target, description }: OauthClient, user: SessionPrincipal): void {
  const allowed =
    target.kind === 'server'
      ? hasScope(user, 'access:servers', { user: target.user, server: target.server })
      : hasScope(user, 'access:services', { service: target.service })
  if (!allowed) {
    throw new PlatformError('forbidden', { message: `You do not have permission to access ${description}` })
  }
}

/** What goes without saying is granted with everything and with nothing. */
function chooseGranted({ client, scopes }: GrantableRequest, granted: readonly string[]): readonly string[] {
  const chosen = granted.filter((scope) => scope !== '(no_scope)' && scope !== 'identify')
  const given = new Set([...chosen, ...listRequiredScopes(client)])
  if (!given.isSubsetOf(new Set(scopes))) {
    throw new OauthError('invalid_scope', { detail: `granted more than was asked: ${chosen.join(', ')}` })
  }
  return scopes.filter((scope) => given.has(scope))
}

async function isAlreadySettled(
  { tokens, trustedClients }: AuthorizeDependencies,
  { client, scopes }: GrantableRequest,
  user: SessionPrincipal,
): Promise<boolean> {
  const held = await tokens.list({ kind: 'user', id: user.id, name: user.name })
  return !needsConsent(client, scopes, { user: user.name, tokens: held, trustedClients })
}

function askForConsent({ client, scopes, redirectUri }: GrantableRequest, host: string): AuthorizationAnswer {
  return { kind: 'consent', consent: buildConsent(client, scopes, { redirectUri, host }), redirectUri }
}

/** RFC 6749 section 4.1.2. */
async function issueCode(
  { codes }: AuthorizeDependencies,
  { request, client, redirectUri, codeChallenge, scopes }: GrantableRequest,
  user: SessionPrincipal,
): Promise<AuthorizationAnswer> {
  const code = await codes.issue({
    clientId: client.clientId,
    userId: user.id,
    sessionId: user.credential.sessionId,
    redirectUri,
    scopes,
    codeChallenge,
  })
  return { kind: 'redirect', location: buildRedirect(redirectUri, { code, state: request.state }) }
}
