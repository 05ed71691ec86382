import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'

import type { IdleSettings } from './profile-config.ts'
import { createProfiles } from './profiles.ts'

const idle: IdleSettings = { stop: true, afterMs: 3_600_000, warningMs: 300_000, cpuCores: 0.1 }
const alice = { name: 'alice', groups: ['physics'], roles: ['user'] }

describe('profiles', () => {
  const profiles = createProfiles({
    idle,
    profiles: [
      { name: 'gpu', gpu: 1, audience: { groups: ['ml'] } },
      {
        name: 'large',
        memoryBytes: 2 ** 34,
        audience: { groups: ['physics'], users: ['bob'] },
        idle: { afterMs: 60_000 },
      },
      { name: 'small', isDefault: true },
      { name: 'staff', audience: { roles: ['admin'] } },
    ],
  })

  test('are offered to those they are for, the default first', () => {
    assert.deepEqual(
      profiles.list(alice).map(({ name }) => name),
      ['small', 'large'],
    )
    assert.deepEqual(
      profiles.list({ name: 'bob', groups: [], roles: ['admin'] }).map(({ name }) => name),
      ['small', 'large', 'staff'],
    )
  })

  test('the default is chosen when nothing is said', () => {
    assert.equal(profiles.choose(alice, undefined).name, 'small')
  })

  test('one that is not for the user is refused with what they may choose', () => {
    assert.throws(
      () => profiles.choose(alice, 'gpu'),
      (error) =>
        isPlatformError(error, 'forbidden') && error.message.endsWith('Choose one of: small, large.'),
    )
  })

  test('one that does not exist is refused as a bad request', () => {
    assert.throws(
      () => profiles.choose(alice, 'huge'),
      (error) => isPlatformError(error, 'bad_request'),
    )
  })

  test('idle settings are the platform’s where the profile has none, also for a profile that is gone', () => {
    assert.equal(profiles.idleSettings('large').afterMs, 60_000)
    assert.equal(profiles.idleSettings('large').warningMs, 300_000)
    assert.deepEqual(profiles.idleSettings('removed'), idle)
    assert.deepEqual(profiles.idleSettings(null), idle)
  })

  test('without configuration there is one, without limits, for everybody', () => {
    const none = createProfiles({ profiles: [], idle })
    assert.equal(none.choose(alice, undefined).name, 'default')
    assert.equal(none.choose(alice, undefined).cpu, undefined)
  })
})
