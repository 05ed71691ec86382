import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'
import { isUserName, normaliseUserName, parseGroupName, parseUserName } from './names.ts'

test('spells a name in one way', () => {
  assert.equal(parseUserName('Alice'), 'alice')
  assert.equal(parseUserName('ＡＬＩＣＥ'), 'alice')
  assert.equal(parseUserName('ZOE\u0308'), 'zo\u00eb')
  assert.equal(parseUserName('\u212Aelvin'), 'kelvin')
})

test('takes the names that people have', () => {
  for (const name of [
    'a',
    'alice.smith-2',
    'user@example.org',
    'zoë',
    'иван',
    '李雷',
    'たなか太郎',
    'josé maría',
    '123',
    '_svc',
  ]) {
    assert.equal(parseUserName(name), name)
  }
})

test('refuses names that are made to deceive, to break out, or for nobody', () => {
  const hostile = [
    '',
    ' ',
    '.',
    '..',
    '../etc',
    'a/b',
    'a\\b',
    '-rf',
    ' alice',
    'alice ',
    'a  b',
    'alice\n',
    'ali\u0000ce',
    'ali\u200Bce',
    'ali\u202Ece',
    'alice\uFE0F',
    'pаypal',
    'αlice',
    '<script>',
    "a'; drop table users;--",
    'a%2Fb',
    'a?b#c',
    '$(id)',
    '\uD800',
    'a'.repeat(256),
  ]
  for (const name of hostile) {
    assert.throws(() => parseUserName(name), { code: 'invalid_name' }, JSON.stringify(name))
  }
})

test('a spelling is its own spelling', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const once = normaliseUserName(name)
      assert.equal(isUserName(once) && normaliseUserName(once) !== once, false)
    }),
  )
})

test('groups keep their case, and no control characters', () => {
  assert.equal(parseGroupName('Physics 101'), 'Physics 101')
  for (const name of ['', ' a', 'a\tb', 'a/b', '..', 'x'.repeat(256), 'a\u202Eb']) {
    assert.throws(() => parseGroupName(name), { code: 'invalid_name' }, JSON.stringify(name))
  }
})
