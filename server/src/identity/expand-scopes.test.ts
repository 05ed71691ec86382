import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { filterKinds, scopeTable } from '@atrium/contract/permissions.ts'
import fc from 'fast-check'
import { findScopeProblem } from './check-scopes.ts'
import { expandScopes } from './expand-scopes.ts'
import { intersectScopes } from './intersect-scopes.ts'
import { buildScopeSet, type Resource } from './scope-set.ts'

const alice = { kind: 'user', name: 'alice' } as const
const users = ['alice', 'bob', 'carol']
const groups = ['physics', 'chemistry']
const servers = users.flatMap((user) => [`${user}/`, `${user}/gpu`])
const members: Record<string, string[]> = { physics: ['alice', 'bob'], chemistry: ['bob'] }
const isMember = (group: string, user: string) => members[group]?.includes(user) ?? false

const scopeNames = Object.keys(scopeTable).filter((scope) => scope !== 'self' && scope !== 'inherit')
const filter = fc.oneof(
  fc.constant(''),
  fc.constantFrom(...users).map((name) => `!user=${name}`),
  fc.constantFrom(...groups).map((name) => `!group=${name}`),
  fc.constantFrom(...servers).map((name) => `!server=${name}`),
  fc.constant('!service=stats'),
)
const writtenScope = fc.tuple(fc.constantFrom(...scopeNames), filter).map((parts) => parts.join(''))
const written = fc.array(fc.oneof({ weight: 9, arbitrary: writtenScope }, fc.constant('self')), {
  maxLength: 6,
})

const resources: Resource[] = [
  ...users.map((user) => ({ user })),
  ...servers.map((text) => ({ user: text.split('/')[0] ?? '', server: text.split('/')[1] ?? '' })),
  ...groups.map((group) => ({ group })),
  { service: 'stats' },
]

const expand = (scopes: readonly string[]) => expandScopes(scopes, { owner: alice })
const setOf = (expanded: Iterable<string>) => buildScopeSet(expanded, isMember)

describe('expanding scopes', () => {
  test('gives what a scope includes, under its filter', () => {
    assert.deepEqual(
      [...expandScopes(['servers!user=bob'])].sort(),
      ['delete:servers', 'read:servers', 'read:users:name', 'servers', 'start:servers'].map(
        (s) => `${s}!user=bob`,
      ),
    )
    assert.ok(expandScopes(['admin:users']).has('read:users:activity'))
  })

  test("keeps reading users out of a server's filter", () => {
    assert.deepEqual([...expandScopes(['read:servers!server=a/b'])], ['read:servers!server=a/b'])
  })

  test('fills in the owner and the client, and drops filters that have nobody to name', () => {
    const client = { kind: 'server', user: 'alice', server: 'gpu' } as const
    assert.deepEqual(
      [...expandScopes(['access:servers!server', 'users:activity!user'], { owner: alice, client })].sort(),
      ['access:servers!server=alice/gpu', 'read:users:activity!user=alice', 'users:activity!user=alice'],
    )
    const service = { owner: { kind: 'service', name: 'culler' } } as const
    assert.deepEqual([...expandScopes(['tokens!user', 'self', 'read:services!service'], service)].sort(), [
      'read:services!service=culler',
      'read:services:name!service=culler',
    ])
  })

  test('a scope without filter swallows the same one with a filter', () => {
    assert.deepEqual([...expandScopes(['shutdown!user=bob', 'shutdown'])], ['shutdown'])
  })

  test('is idempotent, and never gives less for more', () => {
    fc.assert(
      fc.property(written, written, (first, second) => {
        const once = expand(first)
        assert.deepEqual(new Set(expand([...once])), new Set(once))
        const more = setOf(expand([...first, ...second]))
        for (const text of once) assert.ok(covers(more, text), text)
      }),
    )
  })
})

describe('intersecting scopes', () => {
  test('a server is within its user, a user within their groups', () => {
    const meet = (a: string[], b: string[]) => [...intersectScopes(a, b, isMember)].sort()
    assert.deepEqual(meet(['servers!server=bob/gpu'], ['servers!user=bob']), ['servers!server=bob/gpu'])
    assert.deepEqual(meet(['servers!group=physics'], ['servers!server=bob/gpu', 'servers!user=carol']), [
      'servers!server=bob/gpu',
    ])
    assert.deepEqual(meet(['servers!group=physics'], ['servers!group=chemistry']), [])
    assert.deepEqual(meet(['servers'], ['servers!group=physics']), ['servers!group=physics'])
  })

  test('is symmetric, and allows nothing that either side does not', () => {
    fc.assert(
      fc.property(written, written, (first, second) => {
        const a = expand(first)
        const b = expand(second)
        const both = intersectScopes(a, b, isMember)
        assert.deepEqual(new Set(both), new Set(intersectScopes(b, a, isMember)))
        const [setA, setB, setBoth] = [setOf(a), setOf(b), setOf(both)]
        for (const scope of scopeNames) {
          for (const resource of [undefined, ...resources]) {
            if (!setBoth.allows(scope, resource)) continue
            assert.ok(
              setA.allows(scope, resource),
              `${scope} on ${JSON.stringify(resource)} is new to the first`,
            )
            assert.ok(
              setB.allows(scope, resource),
              `${scope} on ${JSON.stringify(resource)} is new to the second`,
            )
          }
        }
      }),
    )
  })

  test('with itself gives itself', () => {
    fc.assert(
      fc.property(written, (scopes) => {
        const expanded = expand(scopes)
        assert.deepEqual(new Set(intersectScopes(expanded, expanded, isMember)), new Set(expanded))
      }),
    )
  })
})

describe('checking scopes', () => {
  test('names the first that does not exist, or whose filter does not', () => {
    assert.equal(findScopeProblem(['users!user', 'read:users!group=a=b', 'custom:x:y'], 'token'), undefined)
    assert.equal(findScopeProblem(['uzers'], 'token'), "Scope 'uzers' for token does not exist")
    for (const text of ['users!zone=1', 'users!group', 'users!user=', 'users!', 'constructor', '__proto__']) {
      assert.match(findScopeProblem([text], 'token') ?? '', /does not exist/, text)
    }
  })
})

function covers(set: ReturnType<typeof setOf>, text: string): boolean {
  const bang = text.indexOf('!')
  if (bang < 0) return set.allows(text)
  const held = set.filterOf(text.slice(0, bang))
  if (held === 'all') return true
  const [kind, name = ''] = text.slice(bang + 1).split('=')
  return filterKinds.some((known) => known === kind && held?.[known]?.has(name))
}
