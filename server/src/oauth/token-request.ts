import { OauthError } from './oauth-error.ts'

/** RFC 6749 section 4.1.3 with the client's credentials of section 2.3.1 and the verifier of RFC 7636 section 4.5. */
export interface TokenRequest {
  code: string
  redirectUri: string | undefined
  codeVerifier: string | undefined
  credentials: ClientCredentials | undefined
}

export interface ClientCredentials {
  clientId: string
  secret: string
}

/**
 * Reads the body of a token request. Throws `OauthError` `invalid_request` on repeated or missing parameters and on two ways of client
 * authentication at once, `unsupported_grant_type` for every grant but the authorization code's.
 */
export function parseTokenRequest(body: URLSearchParams, authorization: string | undefined): TokenRequest {
  for (const name of new Set(body.keys())) {
    if (body.getAll(name).length > 1) {
      throw new OauthError('invalid_request', { description: `Duplicate ${name} parameter.` })
    }
  }
  checkGrantType(body.get('grant_type'))
  const code = body.get('code')
  if (!code) throw new OauthError('invalid_request', { description: 'Missing code parameter.' })
  return {
    code,
    redirectUri: body.get('redirect_uri') || undefined,
    codeVerifier: body.get('code_verifier') || undefined,
    credentials: parseClientCredentials(body, authorization),
  }
}

function checkGrantType(grantType: string | null): void {
  if (grantType === 'authorization_code') return
  // JupyterHub knows refresh tokens, and allows no client to use them.
  throw new OauthError(grantType === 'refresh_token' ? 'unauthorized_client' : 'unsupported_grant_type')
}

/** RFC 6749 section 2.3.1: HTTP Basic, or both in the body; not both ways at once (section 2.3). */
function parseClientCredentials(
  body: URLSearchParams,
  authorization: string | undefined,
): ClientCredentials | undefined {
  const clientId = body.get('client_id')
  const secret = body.get('client_secret')
  const basic = parseBasicCredentials(authorization)
  if (basic === undefined) return clientId && secret ? { clientId, secret } : undefined
  if (secret !== null) {
    throw new OauthError('invalid_request', { description: 'Two ways of client authentication.' })
  }
  if (clientId !== null && clientId !== basic.clientId) {
    throw new OauthError('invalid_client', { detail: 'client_id differs between header and body' })
  }
  return basic
}

function parseBasicCredentials(authorization: string | undefined): ClientCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [clientId, ...secret] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  if (!clientId || secret.length === 0) return undefined
  return { clientId: decodeFormValue(clientId), secret: decodeFormValue(secret.join(':')) }
}

/** Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function decodeFormValue(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
