import { createHash } from 'node:crypto'

import { isSameSecret } from '#platform/secret.ts'
import { OauthError } from './oauth-error.ts'

/** RFC 7636 section 4.1 and 4.2: 43 to 128 unreserved characters. */
const unreserved = /^[A-Za-z0-9\-._~]{43,128}$/

/** A challenge bound to an authorization code. JupyterHub's own clients use S256; `plain` is taken since it is still more than none. */
export interface CodeChallenge {
  value: string
  method: 'S256' | 'plain'
}

/**
 * RFC 7636 section 4.3 and 4.4.1: an absent method means `plain`. Absent challenge: undefined, as clients older than JupyterHub 6 send
 * none. Throws `OauthError` `invalid_request` on other methods and malformed values.
 */
export function parseCodeChallenge(value: string | undefined, method = 'plain'): CodeChallenge | undefined {
  if (value === undefined) return undefined
  if (method !== 'S256' && method !== 'plain') {
    throw new OauthError('invalid_request', { description: 'Transform algorithm not supported.' })
  }
  if (!unreserved.test(value)) {
    throw new OauthError('invalid_request', { description: 'Malformed code_challenge.' })
  }
  return { value, method }
}

/**
 * RFC 7636 section 4.6. A verifier for a code without a challenge is refused too (RFC 9700 section 4.8.2): someone took the challenge
 * out of the authorization request. Throws `OauthError` `invalid_grant`.
 */
export function checkCodeVerifier(challenge: CodeChallenge | undefined, verifier: string | undefined): void {
  if (challenge === undefined) {
    if (verifier === undefined) return
    throw new OauthError('invalid_grant', { detail: 'a code_verifier for a code without code_challenge' })
  }
  if (verifier === undefined || !unreserved.test(verifier)) {
    throw new OauthError('invalid_request', { description: 'Code verifier required.' })
  }
  const transformed =
    challenge.method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  if (!isSameSecret(transformed, challenge.value)) {
    throw new OauthError('invalid_grant', { detail: 'the code_verifier does not match' })
  }
}
