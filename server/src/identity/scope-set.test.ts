import assert from 'node:assert/strict'
import { test } from 'node:test'

import { requireScope, type UserPrincipal } from './principal.ts'
import { buildScopeSet } from './scope-set.ts'

const isMember = (group: string, user: string) => group === 'physics' && user === 'alice'

test('a filter covers the named, their servers, and the members of a group', () => {
  const set = buildScopeSet(
    [
      'servers!user=bob',
      'servers!server=carol/gpu',
      'servers!group=physics',
      'groups!group=physics',
      'shutdown',
    ],
    isMember,
  )
  const covered = (user: string, server?: string) =>
    set.allows('servers', server === undefined ? { user } : { user, server })
  assert.deepEqual([covered('bob'), covered('bob', ''), covered('alice', 'x')], [true, true, true])
  assert.deepEqual(
    [covered('carol', 'gpu'), covered('carol', ''), covered('carol'), covered('dan')],
    [true, false, false, false],
  )
  assert.equal(set.allows('servers'), false, 'a filter is not everything')
  assert.equal(set.allows('groups', { group: 'physics' }), true)
  assert.equal(set.allows('groups', { group: 'chemistry' }), false)
  assert.equal(set.allows('servers', { group: 'physics' }), true)
  assert.equal(set.allows('servers', { service: 'bob' }), false)
  assert.equal(set.allows('shutdown') && set.allows('shutdown', { user: 'x' }), true)
  assert.equal(set.allows('proxy'), false)
})

test('names that look like scopes or filters are names', () => {
  const set = buildScopeSet(['servers!user=a=b!c', 'servers!server=d/e/f'], isMember)
  assert.equal(set.allows('servers', { user: 'a=b!c' }), true)
  assert.equal(set.allows('servers', { user: 'd', server: 'e/f' }), true)
  assert.throws(() => buildScopeSet(['servers!user'], isMember))
})

test('who has a scope for others only learns nothing, who has none is told what is missing', () => {
  const principal = { scopes: buildScopeSet(['read:users!user=bob'], isMember) } as UserPrincipal
  requireScope(principal, ['users', 'read:users'], { user: 'bob' })
  assert.throws(() => requireScope(principal, ['users', 'read:users'], { user: 'alice' }), {
    code: 'not_found',
  })
  assert.throws(() => requireScope(principal, ['users', 'servers'], { user: 'bob' }), {
    code: 'forbidden',
    message: 'Action is not authorized with current scopes; requires any of [users, servers]',
  })
})
