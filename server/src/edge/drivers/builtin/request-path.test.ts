import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import { EdgeTable } from './edge-table.ts'
import { findPlace, type Place } from './place.ts'

/** Two users with servers, one named; a service. */
function createTable(): EdgeTable {
  const table = new EdgeTable()
  const put = (prefix: string, user: string, server: string) =>
    table.apply({
      type: 'route-put',
      route: { prefix, target: 'http://127.0.0.1:9', access: { kind: 'server', user, server }, data: {} },
    })
  put('/user/alice/', 'alice', '')
  put('/user/alice/gpu/', 'alice', 'gpu')
  put('/user/bob/', 'bob', '')
  put('/user/a b@c.d/', 'a b@c.d', '')
  const access = { kind: 'service', service: 'stats' } as const
  table.apply({ type: 'route-put', route: { prefix: '/services/stats/', access, data: {} } })
  return table
}

function describePlace(place: Place | undefined): string {
  switch (place?.kind) {
    case undefined:
      return 'refused'
    case 'server':
      return `${place.user}/${place.server}`
    case 'no-server':
      return `nothing of ${place.user}`
    case 'service':
      return `service ${place.service}`
    default:
      return 'control plane'
  }
}

const table = createTable()
const find = (target: string) => describePlace(findPlace(table, target))

describe('where a request target leads', () => {
  for (const [target, place] of [
    ['/user/alice/lab/tree/x.ipynb?reset', 'alice/'],
    ['/user/alice', 'alice/'],
    ['/user/alice?token=/user/bob/', 'alice/'],
    ['/user/alice/gpu/', 'alice/gpu'],
    ['/user/alice/gpu', 'alice/gpu'],
    ['/user/alice/gp%75/x', 'alice/gpu'],
    ['/user/%61lice/x', 'alice/'],
    ['/user/a%20b@c.d/x', 'a b@c.d/'],
    ['/user/a%20b%40c.d/x', 'a b@c.d/'],
    // Programs below a server's prefix may have any such path.
    ['/user/alice/files/a%2Fb', 'alice/'],
    ['/user/alice/proxy/80//x//y', 'alice/'],
    ['/user/alice/.hidden/x', 'alice/'],
    ['/user/alice/files/100%25', 'alice/'],
    ['/user/alice/files/%252e%252e/x', 'alice/'],
    ['/user/carol/lab', 'nothing of carol'],
    ['/user/ALICE/lab', 'nothing of ALICE'],
    ['/services/stats/x', 'service stats'],
    ['/services/other/x', 'control plane'],
    ['/', 'control plane'],
    ['/hub/user/alice', 'control plane'],
    ['/User/alice/', 'control plane'],
    ['/user/', 'control plane'],
    ['/user', 'control plane'],
  ] as const) {
    test(`${target} leads to ${place}`, () => assert.equal(find(target), place))
  }

  for (const target of [
    '/user/alice/../bob/',
    '/user/alice/%2e%2e/bob/',
    '/user/alice/.%2E/bob/',
    '/user/alice/./x',
    '/user/alice/..',
    '/user/alice%2f..%2fbob/x',
    '/user/alice%2Fgpu/x',
    '/user/alice/gpu%2Fx',
    '/user/alice/gpu%2f..%2f..%2fbob',
    '/user/alice/%252e%252e/bob/',
    '/user/alice/x%5c..%5c..%5cbob',
    '/user/alice\\..\\bob/',
    '//user/alice/',
    '/user//alice/',
    '/user/%2falice/',
    '/%2fuser/alice/',
    '/%75ser%2falice/',
    '/hub%2f..%2fuser/alice/',
    '/hub/..%2fuser/alice/',
    '/user%2falice/x',
    '/user/alice/%00',
    '/user/alice%0d%0a/x',
    '/user/alice/%',
    '/user/alice/%zz',
    '/user/alice/%ff',
    '/user/alice/#x',
    '/user/al\u00efce/x',
    // Dots that take away an empty segment, for who counts those: /user/user.
    '/user%252f%255c..%2fuser',
    'http://127.0.0.1/user/alice/',
    'user/alice/',
    '*',
    '',
  ]) {
    test(`${JSON.stringify(target)} is refused`, () => assert.equal(find(target), 'refused'))
  }
})

describe('whatever the path', () => {
  const pieces = fc.constantFrom(
    ...['user', 'alice', 'bob', 'gpu', 'services', 'stats', 'hub', 'x', '.', '..', '...', ' ', 'ü'],
    ...[
      '/',
      '//',
      '\\',
      '%2f',
      '%2F',
      '%5c',
      '%2e',
      '%2e%2e',
      '%252e',
      '%252f',
      '%255c',
      '%00',
      '%',
      '%20',
      '?',
      ';',
      '#',
    ],
    ...['%75ser', '%61lice', '%62ob', '%c0%af', '%u002f', 'http://bob/'],
  )
  const paths = fc.array(pieces, { maxLength: 12 }).map((parts) => `/${parts.join('')}`)

  test('a server is reached only when every way to read the path names its owner', () => {
    fc.assert(
      fc.property(paths, (target) => {
        const place = findPlace(table, target)
        if (place?.kind !== 'server' && place?.kind !== 'no-server') return
        for (const reading of listReadings(target)) {
          const owner = /^\/user\/([^/]+)(?:\/|$)/.exec(reading)?.[1]
          assert.ok(
            owner === undefined || lenientDecode(owner) === place.user,
            `${target} read as ${reading}`,
          )
        }
      }),
      { numRuns: 20_000 },
    )
  })

  test('nothing that is meant for a server is passed to the control plane or a service', () => {
    fc.assert(
      fc.property(paths, (target) => {
        const place = findPlace(table, target)
        if (place === undefined || place.kind === 'server' || place.kind === 'no-server') return
        for (const reading of listReadings(target)) {
          const owner = /^\/user\/([^/]+)/.exec(reading)?.[1] ?? ''
          // Slashes, backslashes and dots are no user's name.
          assert.match(lenientDecode(owner), /^[\\/.]*$/, `${target} read as ${reading}`)
        }
      }),
      { numRuns: 20_000 },
    )
  })
})

/** How other programs might read a target: WHATWG URLs, decoding once or twice, folding slashes, resolving dots. */
function listReadings(target: string): string[] {
  const raw = target.split('?', 1)[0] as string
  const once = lenientDecode(raw)
  const twice = lenientDecode(once)
  const folded = [raw, once, twice].flatMap((path) => [path, path.replaceAll('\\', '/')])
  const paths = [...folded, ...folded.map((path) => path.replace(/\/{2,}/g, '/'))]
  const url = URL.parse(target, 'http://edge')
  return [...paths.map(resolveDots), ...(url?.host === 'edge' ? [lenientDecode(url.pathname)] : [])]
}

function lenientDecode(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped)
    } catch {
      return escaped
    }
  })
}

function resolveDots(path: string): string {
  const resolved: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') resolved.pop()
    else if (segment !== '.') resolved.push(segment)
  }
  const joined = resolved.join('/')
  return joined.startsWith('/') ? joined : `/${joined}`
}
