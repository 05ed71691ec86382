import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildServerRoute, buildServiceRoute } from './edge-routes.ts'
import { buildUnusedServer } from './server-model.ts'

const alice = buildUnusedServer({ id: 1, name: 'alice' })

test('a server’s route leads to its own port, also at an IPv6 address', () => {
  const route = (host: string) => buildServerRoute(alice, { host, ports: { http: 1234 } })?.target
  assert.equal(route('127.0.0.1'), 'http://127.0.0.1:1234')
  assert.equal(route('::1'), 'http://[::1]:1234')
  assert.equal(buildServerRoute(alice, { host: 'node', ports: {} }), undefined)
})

test('a service’s route leads to its host; what is no plain HTTP has none', () => {
  const target = (url: string | null) => buildServiceRoute({ name: 'stats', url })?.target
  assert.equal(target('http://127.0.0.1:9999/some/path'), 'http://127.0.0.1:9999')
  for (const url of [null, 'https://127.0.0.1', 'nonsense', 'file:///etc/passwd'])
    assert.equal(target(url), undefined)
})
