import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildAttemptKey, buildJobKey, parseAttemptKey } from './job-key.ts'

test('keys are unique, readable and short enough for every scheduler, attempts included', () => {
  const keys = new Set(Array.from({ length: 1000 }, () => buildJobKey('environment-build')))
  assert.equal(keys.size, 1000)
  for (const key of keys) assert.match(buildAttemptKey(key, 999), /^environment-build-[a-z0-9-]{1,45}$/)
})

test('an attempt’s key tells its job and number; other keys are not ours', () => {
  const key = buildJobKey('server')
  assert.deepEqual(parseAttemptKey(buildAttemptKey(key, 12)), { key, attempt: 12 })
  for (const stranger of ['', 'server', 'server-', '-1', 'server-0', 'server-01', 'server-x']) {
    assert.equal(parseAttemptKey(stranger), undefined, stranger)
  }
})
