import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { buildProgressPath, buildRoutePrefix, buildServerClientId, buildServerPath } from './server-paths.ts'

describe('paths of servers', () => {
  test('escape as JupyterHub does, keeping @ and ~', () => {
    assert.equal(buildServerPath('alice'), '/user/alice/')
    assert.equal(buildServerPath('a@b.c', 'gpu'), '/user/a@b.c/gpu/')
    assert.equal(buildServerPath("o'neil (x)*!"), '/user/o%27neil%20%28x%29%2A%21/')
    assert.equal(buildServerPath('åsa'), '/user/%C3%A5sa/')
    assert.equal(buildServerPath('a%2fb'), '/user/a%252fb/')
  })

  test('name the place of progress by server', () => {
    assert.equal(buildProgressPath('alice'), '/hub/api/users/alice/server/progress')
    assert.equal(buildProgressPath('alice', 'gpu'), '/hub/api/users/alice/servers/gpu/progress')
  })

  test('are decoded for the edge', () => {
    assert.equal(buildRoutePrefix('åsa', 'gpu'), '/user/åsa/gpu/')
  })

  test('client ids hold nothing that a cookie name may not', () => {
    assert.equal(buildServerClientId('a@b.c', 'gpu'), 'jupyterhub-user-a%40b.c!gpu')
  })

  test('client ids of two servers are never the same', () => {
    assert.notEqual(buildServerClientId('anna', 'maria'), buildServerClientId('anna-maria'))
    assert.notEqual(buildServerClientId('anna', 'maria'), buildServerClientId('anna!maria'))
  })
})
