import assert from 'node:assert/strict'
import { test } from 'node:test'

import { edgeConformance } from '#edge/conformance/edge-conformance.ts'
import { createMemoryEdge } from './memory-edge.ts'

edgeConformance('memory', {
  serves: false,
  async create() {
    const edge = createMemoryEdge()
    return { edge, restart: async () => edge.reset(), dispose: () => edge.close() }
  },
})

test('remembers what it was told, and lets a test report in its name', async () => {
  const edge = createMemoryEdge()
  const route = {
    prefix: '/user/alice/',
    target: 'http://127.0.0.1:9',
    access: { kind: 'server', user: 'alice', server: '' },
    data: {},
  } as const
  await edge.replace({ routes: [], tunnels: [], credentials: [], controlPlanes: ['unix:/run/hub.sock'] })
  await edge.apply([{ type: 'route-put', route }])
  assert.deepEqual(edge.routes.get('/user/alice/'), route)
  assert.deepEqual(edge.controlPlanes, ['unix:/run/hub.sock'])
  const tunnel = { serverName: 'daskgateway-1', target: 'tcp://127.0.0.1:9', data: {} }
  await edge.apply([{ type: 'tunnel-put', tunnel }])
  assert.deepEqual([...edge.tunnels.values()], [tunnel])
  const seen: unknown[] = []
  edge.onReport((report) => seen.push(report))
  edge.onTargetFailed((failure) => seen.push(failure))
  edge.report({ routes: [], credentials: [] })
  edge.failTarget({ prefix: '/user/alice/', target: 'http://127.0.0.1:9' })
  assert.equal(seen.length, 2)
})
