import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isDisplayName, isServerName } from './server-name.ts'

test('names of servers are short words joined by single hyphens', () => {
  for (const name of ['a', 'gpu', 'my-gpu-2', 'a'.repeat(30)]) assert.ok(isServerName(name), name)
  for (const name of ['', 'GPU', '2gpu', '-a', 'a-', 'a--b', 'a/b', 'a b', 'å', '..', 'a'.repeat(31), 'a\n'])
    assert.ok(!isServerName(name), JSON.stringify(name))
})

test('display names are visible text with single spaces', () => {
  for (const name of ['GPU', 'Åsas server 2', '🚀 fast', 'x'.repeat(255)])
    assert.ok(isDisplayName(name), name)
  for (const name of ['', ' a', 'a ', 'a  b', 'a\tb', 'a\u200bb', 'a\u0000', 'x'.repeat(256)])
    assert.ok(!isDisplayName(name), JSON.stringify(name))
})
