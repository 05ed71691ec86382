import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import fc from 'fast-check'

import { parseAuthorizationRequest } from './authorization-request.ts'
import { checkCodeVerifier, parseCodeChallenge } from './code-challenge.ts'
import { OauthError, type OauthErrorCode } from './oauth-error.ts'
import { buildRedirect, findRedirectUri } from './redirect-uri.ts'
import { parseTokenRequest } from './token-request.ts'

const throwsOauth = (code: OauthErrorCode, action: () => unknown) =>
  assert.throws(action, (error) => error instanceof OauthError && error.code === code)
const throwsBadRequest = (action: () => unknown) =>
  assert.throws(action, (error) => isPlatformError(error, 'bad_request'))

describe('an authorization request', () => {
  test('is read with its scopes apart', () => {
    const request = parseAuthorizationRequest(
      new URLSearchParams('client_id=c&redirect_uri=/cb&response_type=code&scope=a+b&state=s'),
    )
    assert.deepEqual(request.scopes, ['a', 'b'])
    assert.equal(request.redirectUri, '/cb')
  })

  test('is refused without a client and with a repeated parameter', () => {
    throwsBadRequest(() => parseAuthorizationRequest(new URLSearchParams('response_type=code')))
    throwsBadRequest(() => parseAuthorizationRequest(new URLSearchParams('client_id=a&client_id=b')))
    throwsBadRequest(() => parseAuthorizationRequest(new URLSearchParams('client_id=a&state=1&state=2')))
  })
})

describe('a redirect URI', () => {
  const registered = ['/user/alice/oauth_callback', 'https://app.example/callback?tenant=1']

  test('must be registered, character by character', () => {
    for (const uri of registered) assert.equal(findRedirectUri(registered, uri), uri)
    for (const uri of [
      '/user/alice/oauth_callback/',
      '/user/alice/oauth_callback?x=1',
      '/user/alice/../mallory/oauth_callback',
      '/user/Alice/oauth_callback',
      'https://app.example/callback',
      'https://app.example:443/callback?tenant=1',
      'https://app.example.evil.example/callback?tenant=1',
      '//evil.example/user/alice/oauth_callback',
      'user/alice/oauth_callback',
      '/user/alice/oauth_callback#x',
      '/user/alice/oauth_callback\n',
    ]) {
      throwsBadRequest(() => findRedirectUri(registered, uri))
    }
  })

  test('may be left out only where one is registered', () => {
    assert.equal(findRedirectUri(['/one'], undefined), '/one')
    throwsBadRequest(() => findRedirectUri(registered, undefined))
    throwsBadRequest(() => findRedirectUri([], undefined))
  })

  test('keeps its own query and gains encoded parameters', () => {
    assert.equal(buildRedirect('/cb', { code: 'x', state: undefined }), '/cb?code=x')
    assert.equal(buildRedirect('/cb?t=1', { state: 'a&b=c' }), '/cb?t=1&state=a%26b%3Dc')
  })

  test('never leaves the registered place, whatever the state holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (state) => {
        const target = new URL(buildRedirect('/cb', { state }), 'https://hub.example')
        assert.equal(target.origin + target.pathname, 'https://hub.example/cb')
        assert.equal(target.searchParams.get('state'), state.toWellFormed())
      }),
    )
  })
})

describe('a code challenge', () => {
  const verifier = 'v'.repeat(43)
  const challenge = createHash('sha256').update(verifier).digest('base64url')

  test('is met by its verifier alone', () => {
    const hashed = { value: challenge, method: 'S256' } as const
    checkCodeVerifier(hashed, verifier)
    checkCodeVerifier({ value: verifier, method: 'plain' }, verifier)
    checkCodeVerifier(undefined, undefined)
    throwsOauth('invalid_grant', () => checkCodeVerifier(hashed, 'w'.repeat(43)))
    throwsOauth('invalid_grant', () => checkCodeVerifier(hashed, challenge))
    throwsOauth('invalid_request', () => checkCodeVerifier(hashed, undefined))
    throwsOauth('invalid_request', () => checkCodeVerifier(hashed, 'short'))
    throwsOauth('invalid_grant', () => checkCodeVerifier(undefined, verifier))
  })

  test('is S256, plain or nothing', () => {
    assert.deepEqual(parseCodeChallenge(challenge, 'S256'), { value: challenge, method: 'S256' })
    assert.deepEqual(parseCodeChallenge(challenge, undefined), { value: challenge, method: 'plain' })
    assert.equal(parseCodeChallenge(undefined, 'S256'), undefined)
    throwsOauth('invalid_request', () => parseCodeChallenge(challenge, 'S1'))
    throwsOauth('invalid_request', () => parseCodeChallenge('short', 'S256'))
  })
})

describe('a token request', () => {
  const body = (extra: Record<string, string>) =>
    new URLSearchParams({ grant_type: 'authorization_code', code: 'c', ...extra })
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

  test('names its client in the body or by HTTP Basic', () => {
    const expected = { clientId: 'service-x', secret: 's:e/c' }
    const inBody = parseTokenRequest(body({ client_id: 'service-x', client_secret: 's:e/c' }), undefined)
    const inHeader = parseTokenRequest(body({}), basic('service-x', 's%3Ae%2Fc'))
    assert.deepEqual(inBody.credentials, expected)
    assert.deepEqual(inHeader.credentials, expected)
    assert.deepEqual(parseTokenRequest(body({}), basic('service-x', 's:e/c')).credentials, expected)
  })

  test('has no credentials when half of them is missing or the header is another scheme', () => {
    assert.equal(parseTokenRequest(body({ client_id: 'x' }), undefined).credentials, undefined)
    assert.equal(parseTokenRequest(body({ client_secret: 'x' }), undefined).credentials, undefined)
    assert.equal(parseTokenRequest(body({}), 'Bearer abc').credentials, undefined)
    assert.equal(parseTokenRequest(body({}), 'Basic !!!').credentials, undefined)
  })

  test('is refused with two ways of authentication, and with two clients', () => {
    const header = basic('x', 'y')
    throwsOauth('invalid_request', () => parseTokenRequest(body({ client_secret: 'y' }), header))
    throwsOauth('invalid_client', () => parseTokenRequest(body({ client_id: 'other' }), header))
  })

  test('is refused for other grants, without a code and with repeated parameters', () => {
    for (const grant of ['password', 'client_credentials', 'implicit', '']) {
      throwsOauth('unsupported_grant_type', () => parseTokenRequest(body({ grant_type: grant }), undefined))
    }
    throwsOauth('unauthorized_client', () =>
      parseTokenRequest(body({ grant_type: 'refresh_token' }), undefined),
    )
    throwsOauth('invalid_request', () => parseTokenRequest(body({ code: '' }), undefined))
    throwsOauth('invalid_request', () =>
      parseTokenRequest(new URLSearchParams('grant_type=authorization_code&code=a&code=b'), undefined),
    )
  })
})
