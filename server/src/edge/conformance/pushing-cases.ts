import assert from 'node:assert/strict'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { waitFor } from '#platform/wait-for.ts'
import { buildCredential, buildServerRoute, emptyState, get, type RegisterCase } from './conformance-site.ts'

/** How an edge takes what it is told. */
export function registerPushingCases(
  conformant: RegisterCase,
  { fillsByItself = false }: { fillsByItself?: boolean },
): void {
  conformant('tells where users reach the platform, without a slash at the end', async ({ edge }) => {
    assert.match(edge.publicUrl, /^https?:\/\/[^/]+$/)
  })

  conformant('takes a state, changes to it, and no change at all', async ({ edge }) => {
    await edge.replace(emptyState)
    await edge.apply([])
    await edge.apply([
      { type: 'route-put', route: buildServerRoute('alice', 'http://127.0.0.1:9') },
      { type: 'credential-put', credential: buildCredential('secret', '*') },
      { type: 'control-planes', controlPlanes: ['unix:/nowhere/hub.sock'] },
      { type: 'route-delete', prefix: '/user/alice/' },
      { type: 'tunnel-put', tunnel: { serverName: 'daskgateway-1', target: 'tcp://127.0.0.1:9', data: {} } },
      { type: 'tunnel-put', tunnel: { serverName: 'daskgateway-1', target: 'tcp://[::1]:9', data: {} } },
      { type: 'tunnel-delete', serverName: 'daskgateway-1' },
    ])
  })

  conformant('takes the removal of what it does not know', async ({ edge }) => {
    await edge.replace(emptyState)
    await edge.apply([
      { type: 'route-delete', prefix: '/user/nobody/' },
      { type: 'credential-delete', hash: 'unknown' },
      { type: 'tunnel-delete', serverName: 'unknown' },
    ])
  })

  for (const [what, route] of [
    ['a prefix without a slash at its end', { ...buildServerRoute('alice'), prefix: '/user/alice' }],
    ['a prefix without a slash at its start', { ...buildServerRoute('alice'), prefix: 'user/alice/' }],
    ['a target it cannot connect to', buildServerRoute('alice', 'ftp://127.0.0.1:9')],
  ] as const) {
    conformant(`refuses ${what}`, async ({ edge }) => {
      await edge.replace(emptyState)
      await assert.rejects(edge.apply([{ type: 'route-put', route }]), (error) =>
        isPlatformError(error, 'bad_request'),
      )
      await assert.rejects(edge.replace({ ...emptyState, routes: [route] }), (error) =>
        isPlatformError(error, 'bad_request'),
      )
    })
  }

  for (const [what, tunnel] of [
    ['a server name in capitals', { serverName: 'Name', target: 'tcp://127.0.0.1:9' }],
    ['a server name with a dot at its end', { serverName: 'name.', target: 'tcp://127.0.0.1:9' }],
    ['a tunnel to what is not TCP', { serverName: 'name', target: 'http://127.0.0.1:9' }],
    ['a tunnel to no port', { serverName: 'name', target: 'tcp://127.0.0.1' }],
  ] as const) {
    conformant(`refuses ${what}`, async ({ edge }) => {
      const bad = { ...tunnel, data: {} }
      await edge.replace(emptyState)
      await assert.rejects(edge.apply([{ type: 'tunnel-put', tunnel: bad }]), (error) =>
        isPlatformError(error, 'bad_request'),
      )
      await assert.rejects(edge.replace({ ...emptyState, tunnels: [bad] }), (error) =>
        isPlatformError(error, 'bad_request'),
      )
    })
  }

  if (fillsByItself) registerRefilling(conformant)
  else registerReset(conformant)
}

function registerReset(conformant: RegisterCase): void {
  conformant(
    'calls for a new state when it came back empty, unless nobody listens any more',
    async ({ edge, restart }) => {
      await edge.replace(emptyState)
      let calls = 0
      let callsOfFormerListener = 0
      edge.onReset(() => {
        calls += 1
      })
      const stop = edge.onReset(() => {
        callsOfFormerListener += 1
      })
      stop()
      await restart()
      await waitFor('the call', () => calls === 1)
      assert.equal(callsOfFormerListener, 0)
      await edge.replace(emptyState)
    },
  )
}

function registerRefilling(conformant: RegisterCase): void {
  conformant('fills what came back empty, changes included', async ({ edge, restart, startUpstream }) => {
    const { target } = await startUpstream('alice')
    await edge.replace({ ...emptyState, credentials: [buildCredential('secret', '*')] })
    await edge.apply([{ type: 'route-put', route: buildServerRoute('alice', target) }])
    await restart()
    await waitFor('the route', async () => (await get(edge, '/user/alice/', 'secret')).status === 200)
  })
}
