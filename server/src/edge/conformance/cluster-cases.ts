import assert from 'node:assert/strict'

import {
  buildClusterRoute,
  buildCredential,
  buildServerRoute,
  emptyState,
  get,
  hashOf,
  type RegisterCase,
} from './conformance-site.ts'
import type { SeenRequest } from './test-upstream.ts'
import { HandshakeError, openWebsocket } from './websocket-peer.ts'

const path = '/gateway/clusters/c1/status'
const websocketPath = '/gateway/clusters/c1/status/ws'

/** Who sees a cluster's dashboard. */
export function registerClusterCases(conformant: RegisterCase): void {
  conformant('a credential opens the clusters of the users it names', async ({ edge, startUpstream }) => {
    const { target, seen } = await startUpstream('dashboard')
    await edge.replace({
      ...emptyState,
      routes: [buildClusterRoute('alice', 'c1', target)],
      credentials: [
        buildCredential('all', [], { clusters: '*' }),
        buildCredential('alice', [], { clusters: ['bob', 'alice'] }),
        buildCredential('bob', ['alice'], { clusters: ['bob'] }),
        buildCredential('servers', '*'),
      ],
    })
    const statusOf = async (secret: string) => (await get(edge, path, secret)).status
    assert.deepEqual([await statusOf('all'), await statusOf('alice')], [200, 200])
    const before = seen.length
    for (const secret of ['bob', 'servers', 'unknown']) assert.equal(await statusOf(secret), 403, secret)
    assert.equal(seen.length, before, 'nothing of a refused request reaches the dashboard')
  })

  conformant(
    'who is not signed in is sent to sign in, programs are refused',
    async ({ edge, startUpstream }) => {
      const { target } = await startUpstream('dashboard')
      await edge.replace({ ...emptyState, routes: [buildClusterRoute('alice', 'c1', target)] })
      const page = await get(edge, path, undefined, { accept: 'text/html' })
      assert.equal(page.status, 302)
      assert.equal(page.headers.get('location'), `/hub/login?next=${encodeURIComponent(path)}`)
      assert.equal((await get(edge, path)).status, 403)
      await assert.rejects(openWebsocket(edge.publicUrl, websocketPath), isForbidden)
    },
  )

  conformant(
    'a dashboard knows the edge by its proof, which no client can send',
    async ({ edge, startUpstream }) => {
      const { target, seen } = await startUpstream('dashboard')
      const { target: serverTarget, seen: seenByServer } = await startUpstream('server')
      await edge.replace({
        ...emptyState,
        routes: [buildClusterRoute('alice', 'c1', target), buildServerRoute('alice', serverTarget)],
        credentials: [buildCredential('secret', ['alice'], { clusters: ['alice'] })],
      })
      await get(edge, path, 'secret', { 'x-atrium-proof': 'forged' })
      await openWebsocket(edge.publicUrl, `${websocketPath}?token=secret`)
      assert.deepEqual(
        seen.map(({ headers }) => headers['x-atrium-proof']),
        ['proof of the edge', 'proof of the edge'],
      )
      await get(edge, '/user/alice/', 'secret', { 'x-atrium-proof': 'forged' })
      assert.equal(seenByServer.at(-1)?.headers['x-atrium-proof'], undefined)
    },
  )

  conformant('a dashboard sees no credential', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('dashboard')
    await edge.replace({
      ...emptyState,
      routes: [buildClusterRoute('alice', 'c1', target)],
      credentials: [
        buildCredential('session', [], { kind: 'session', clusters: ['alice'] }),
        buildCredential('secret', [], { clusters: ['alice'] }),
      ],
    })
    const see = async (where: string, token: string | undefined, headers: Record<string, string>) => {
      const response = await get(edge, where, token, headers)
      assert.equal(response.status, 200)
      return (await response.json()) as SeenRequest
    }
    const cookie = 'a=1; atrium-session=session; b=2'
    const byCookie = await see(path, undefined, { cookie })
    assert.equal(byCookie.headers['cookie'], 'a=1; b=2')
    const referer = `${edge.publicUrl}${path}?token=secret&x=1`
    const byHeader = await see(path, 'secret', { referer })
    assert.equal(byHeader.headers['authorization'], undefined)
    assert.equal(byHeader.headers['referer'], `${edge.publicUrl}${path}?x=1`)
    const byQuery = await see(`${path}?x=%2F&token=secret&t%6Fken=other&y`, undefined, {})
    assert.equal(byQuery.target, `${path}?x=%2F&y`)
  })

  conformant('a path that could be read as a dashboard is refused', async ({ edge, startUpstream }) => {
    const { target, seen } = await startUpstream('any')
    await edge.replace({
      ...emptyState,
      routes: [buildClusterRoute('alice', 'c1', target), buildServerRoute('bob', target)],
      controlPlanes: [target],
      credentials: [buildCredential('bob', ['bob'], { clusters: ['bob'] })],
    })
    for (const hostile of [
      '/gateway//clusters/c1/status',
      '/gateway/clusters%2Fc1/status',
      '/gateway/%2e%2e/gateway/clusters/c1/',
      '/gateway/clusters%5cc1%5cstatus',
      '/gateway/clusters/%63%31%2f',
    ]) {
      const { status } = await get(edge, hostile, 'bob')
      assert.ok(status === 400 || status === 403, `${hostile}: ${status}`)
    }
    assert.deepEqual(seen, [])
  })

  conformant(
    'a websocket of a dashboard ends when its credential loses the clusters',
    async ({ edge, startUpstream }) => {
      const { target } = await startUpstream('dashboard')
      const routes = [buildClusterRoute('alice', 'c1', target)]
      const credentials = [buildCredential('secret', [], { clusters: ['alice'] })]
      await edge.replace({ ...emptyState, routes, credentials })
      const websocket = await openWebsocket(edge.publicUrl, `${websocketPath}?token=secret`)
      websocket.sendText('hello')
      assert.equal((await websocket.nextFrame()).payload.toString(), 'hello')
      const credential = buildCredential('secret', ['alice'], { clusters: ['bob'] })
      await edge.apply([{ type: 'credential-put', credential }])
      await websocket.closed
      await assert.rejects(openWebsocket(edge.publicUrl, `${websocketPath}?token=secret`), isForbidden)
      await edge.apply([{ type: 'credential-delete', hash: hashOf('secret') }])
    },
  )

  conformant('a dashboard that does not answer is told of', async ({ edge, startUpstream }) => {
    const upstream = await startUpstream('dashboard')
    await edge.replace({
      ...emptyState,
      routes: [buildClusterRoute('alice', 'c1', upstream.target)],
      credentials: [buildCredential('secret', [], { clusters: ['alice'] })],
    })
    await upstream.kill()
    const response = await get(edge, path, 'secret')
    assert.equal(response.status, 503)
    assert.match(((await response.json()) as { message: string }).message, /cluster/)
  })
}

function isForbidden(error: unknown): boolean {
  return error instanceof HandshakeError && error.status === 403
}
