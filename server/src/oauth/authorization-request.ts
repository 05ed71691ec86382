import { PlatformError } from '@atrium/contract/errors.ts'

/** An authorization request as it came, RFC 6749 section 4.1.1 and RFC 7636 section 4.3; nothing but its form is checked. */
export interface AuthorizationRequest {
  clientId: string
  redirectUri: string | undefined
  responseType: string | undefined
  /** Space-separated in the request; undefined: the client's default. */
  scopes: readonly string[] | undefined
  state: string | undefined
  codeChallenge: string | undefined
  codeChallengeMethod: string | undefined
}

const parameters = [
  'client_id',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
] as const

/**
 * Reads the query of an authorization request. Throws `bad_request` on a repeated parameter (RFC 6749 section 3.1) and when no client is
 * named: without a known client there is no safe place to redirect an error to. An empty parameter counts as absent.
 */
export function parseAuthorizationRequest(query: URLSearchParams): AuthorizationRequest {
  const value = (name: (typeof parameters)[number]) => query.get(name) || undefined
  for (const name of parameters) {
    if (query.getAll(name).length > 1) {
      throw new PlatformError('bad_request', { message: `Duplicate ${name} parameter.` })
    }
  }
  const clientId = value('client_id')
  if (clientId === undefined) {
    throw new PlatformError('bad_request', { message: 'Missing client_id parameter.' })
  }
  return {
    clientId,
    redirectUri: value('redirect_uri'),
    responseType: value('response_type'),
    scopes: value('scope')?.split(' ').filter(Boolean),
    state: value('state'),
    codeChallenge: value('code_challenge'),
    codeChallengeMethod: value('code_challenge_method'),
  }
}
