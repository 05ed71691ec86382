import assert from 'node:assert/strict'

import {
  buildCredential,
  buildServerRoute,
  buildServiceRoute,
  emptyState,
  get,
  getUpstream,
  hashOf,
  type RegisterCase,
} from './conformance-site.ts'
import { HandshakeError, openWebsocket } from './websocket-peer.ts'

/** Who gets through. */
export function registerAccessCases(conformant: RegisterCase): void {
  conformant('a credential opens the servers it names, and no others', async ({ edge, startUpstream }) => {
    const { target, seen } = await startUpstream('any')
    const routes = ['alice', 'alice/gpu', 'bob', 'bob/gpu'].map((name) => buildServerRoute(name, target))
    await edge.replace({
      ...emptyState,
      routes,
      credentials: [
        buildCredential('all', '*'),
        buildCredential('alice', ['alice']),
        buildCredential('default', ['alice/']),
        buildCredential('named', ['alice/gpu']),
        buildCredential('none', []),
      ],
    })
    const may = async (secret: string) => {
      const statuses = await Promise.all(
        ['alice/x', 'alice/gpu/x', 'bob/x', 'bob/gpu/x'].map(
          async (path) => (await get(edge, `/user/${path}`, secret)).status,
        ),
      )
      return statuses.map((status) => (status === 200 ? '+' : status === 403 ? '-' : String(status))).join('')
    }
    assert.equal(await may('all'), '++++')
    assert.equal(await may('alice'), '++--')
    assert.equal(await may('default'), '+---')
    assert.equal(await may('named'), '-+--')
    assert.equal(await may('none'), '----')
    const before = seen.length
    assert.equal(await may('unknown'), '----')
    assert.equal(seen.length, before, 'nothing of a refused request reaches the server')
  })

  conformant(
    'a credential ends when it is revoked, and when its time is over',
    async ({ edge, startUpstream }) => {
      const { target } = await startUpstream('alice')
      await edge.replace({
        ...emptyState,
        routes: [buildServerRoute('alice', target)],
        credentials: [
          buildCredential('revoked', '*'),
          buildCredential('over', '*', { expiresAtMs: Date.now() - 1 }),
          buildCredential('not-over', '*', { expiresAtMs: Date.now() + 60_000 }),
        ],
      })
      assert.equal((await get(edge, '/user/alice/', 'revoked')).status, 200)
      await edge.apply([{ type: 'credential-delete', hash: hashOf('revoked') }])
      assert.equal((await get(edge, '/user/alice/', 'revoked')).status, 403)
      assert.equal((await get(edge, '/user/alice/', 'over')).status, 403)
      assert.equal((await get(edge, '/user/alice/', 'not-over')).status, 200)
    },
  )

  conformant('services and the control plane authenticate by themselves', async ({ edge, startUpstream }) => {
    const service = await startUpstream('service')
    const hub = await startUpstream('hub')
    await edge.replace({
      ...emptyState,
      routes: [buildServiceRoute('stats', service.target)],
      controlPlanes: [hub.target],
    })
    assert.equal(await getUpstream(edge, '/services/stats/x'), 'service')
    assert.equal(await getUpstream(edge, '/hub/api/'), 'hub')
  })

  conformant('a websocket ends with its credential', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('alice')
    const credential = buildCredential('secret', ['alice'])
    const other = buildCredential('other', ['alice'])
    const state = {
      ...emptyState,
      routes: [buildServerRoute('alice', target)],
      credentials: [credential, other],
    }
    await edge.replace(state)
    const websocket = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
    websocket.sendText('hello')
    assert.equal((await websocket.nextFrame()).payload.toString(), 'hello')
    await edge.apply([{ type: 'credential-delete', hash: other.hash }])
    await edge.replace({ ...state, credentials: [credential] })
    websocket.sendText('still here')
    assert.equal((await websocket.nextFrame()).payload.toString(), 'still here')
    await edge.apply([{ type: 'credential-delete', hash: credential.hash }])
    await websocket.closed
    await assert.rejects(openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret'), (error) => {
      return error instanceof HandshakeError && error.status === 403
    })
  })

  conformant('a websocket ends when its credential loses the server', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('alice')
    const routes = [buildServerRoute('alice', target)]
    await edge.replace({ ...emptyState, routes, credentials: [buildCredential('secret', ['alice', 'bob'])] })
    const websocket = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
    await edge.apply([{ type: 'credential-put', credential: buildCredential('secret', ['bob']) }])
    await websocket.closed
  })

  conformant(
    'a websocket ends with its route, and when the route gets another target',
    async ({ edge, startUpstream }) => {
      const { target } = await startUpstream('alice')
      const { target: otherTarget } = await startUpstream('alice again')
      const routes = [buildServerRoute('alice', target)]
      await edge.replace({ ...emptyState, routes, credentials: [buildCredential('secret', '*')] })
      const first = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
      await edge.apply([
        { type: 'route-put', route: { ...buildServerRoute('alice', target), data: { other: 'data' } } },
      ])
      first.sendText('still here')
      assert.equal((await first.nextFrame()).payload.toString(), 'still here')
      await edge.apply([{ type: 'route-put', route: buildServerRoute('alice', otherTarget) }])
      await first.closed
      const second = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
      await edge.apply([{ type: 'route-delete', prefix: '/user/alice/' }])
      await second.closed
    },
  )
}
