import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import { parseNextUrl } from './next-url.ts'

const publicOrigin = 'https://hub.example'

describe('parseNextUrl', () => {
  for (const next of [
    '/hub/home',
    '/user/alice/lab?reset&path=a%2Fb',
    '/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgit.example%2Fx&urlpath=lab%2Ftree%2Fx%2F',
    '/hub/token#new',
    '/user/z%C3%BC/lab',
    '/hub/api/oauth2/authorize?redirect_uri=%2Fuser%2Fa%2Foauth_callback&state=a%3D%3D',
    '/user/alice/files/100%25.txt',
  ]) {
    test(`keeps ${next}`, () => assert.equal(parseNextUrl(next), next))
  }

  for (const next of [
    '',
    'hub/home',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/%5Cevil.example',
    '/%2Fevil.example',
    '/%252Fevil.example',
    '/%25252Fevil.example',
    '/%2F%2Fevil.example',
    '/.//evil.example',
    '/hub/..//evil.example',
    '/hub/%2e%2e//evil.example',
    '/\t/evil.example',
    '\n//evil.example',
    ' //evil.example',
    '/hub/home\r\nSet-Cookie: a=b',
    '/%0d%0aSet-Cookie:a=b',
    '/%09/evil.example',
    'https://evil.example/hub/home',
    'https://hub.example.evil.example/',
    'https://hub.example@evil.example/',
    'http://hub.example/hub/home',
    'javascript:alert(1)',
    'data:text/html,x',
    `/${'a'.repeat(9000)}`,
    undefined,
    7,
    ['/hub/home'],
  ]) {
    test(`refuses ${JSON.stringify(next)?.slice(0, 60)}`, () =>
      assert.equal(parseNextUrl(next, { publicOrigin }), undefined))
  }

  test('takes an absolute URL of the platform itself as its path', () => {
    assert.equal(parseNextUrl('https://hub.example/hub/home?a=1', { publicOrigin }), '/hub/home?a=1')
    assert.equal(parseNextUrl('https://hub.example//evil.example/', { publicOrigin }), undefined)
  })

  test('never answers something that leads a browser to another origin, even after decoding', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '%2f',
      '%5C',
      '%252f',
      '.',
      '..',
      '%2e',
      '\t',
      '%09',
      '?',
      '#',
      '@',
      ':',
      'evil.example',
      'hub',
      'https:',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
          fc.webUrl(),
          fc.string(),
        ),
        (next) => {
          const result = parseNextUrl(next, { publicOrigin })
          if (result === undefined) return
          assert.ok(result.startsWith('/'))
          assert.equal(new URL(result, publicOrigin).origin, publicOrigin)
          const [path = ''] = result.split(/[?#]/)
          const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          )
          assert.equal(new URL(decoded, publicOrigin).origin, publicOrigin)
          // Safe to answer again: the result is its own fixed point.
          assert.equal(parseNextUrl(result, { publicOrigin }), result)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
