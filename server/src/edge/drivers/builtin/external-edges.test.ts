import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { buildCredential, buildServerRoute, emptyState, hashOf } from '#edge/conformance/conformance-site.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { openWebsocket } from '#edge/conformance/websocket-peer.ts'
import type { EdgeState } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import { createTestEdges, type TestEdges, type TestExternalEdge } from './test-external-edge.ts'

let upstream: TestUpstream
let edges: TestEdges

beforeEach(async () => {
  upstream = await startUpstream('upstream')
  edges = await createTestEdges()
})
afterEach(async () => {
  await edges.dispose()
  await upstream.kill()
})

const websocketPath = '/user/alice/ws?token=secret'

function state(): EdgeState {
  return {
    ...emptyState,
    routes: [buildServerRoute('alice', upstream.target)],
    credentials: [buildCredential('secret', '*')],
  }
}

/** Status of alice's server through one edge. */
async function getStatus({ url }: TestExternalEdge, path = '/user/alice/'): Promise<number> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: 'token secret' } })
  await answer.body?.cancel()
  return answer.status
}

describe('edges that run by themselves', () => {
  test('are ready once they were filled, new ones and those that were killed, too', async () => {
    const first = await edges.start(1)
    assert.equal(await first.probe('/healthz'), 200)
    assert.equal(await first.probe('/readyz'), 503)
    const edge = edges.connect()
    await edge.replace(state())
    await waitFor('the first', async () => (await first.probe('/readyz')) === 200)
    await edge.apply([{ type: 'route-put', route: buildServerRoute('bob', upstream.target) }])
    const second = await edges.start(2)
    await waitFor('the second', async () => (await second.probe('/readyz')) === 200)
    assert.equal(await getStatus(second, '/user/bob/'), 200)
    await first.kill()
    const again = await edges.start(1)
    await waitFor('the first again', async () => (await again.probe('/readyz')) === 200)
    assert.equal(await getStatus(again, '/user/bob/'), 200)
  })

  test('are filled by the control plane that leads, and by no other', async () => {
    const edge = await edges.start(1)
    const former = edges.connect({ leads: () => false })
    await assert.rejects(former.replace(state()), (error) => isPlatformError(error, 'internal'))
    await edge.kill()
    const again = await edges.start(1)
    await waitFor('the connection', async () => (await former.status().catch(() => undefined)) !== undefined)
    assert.equal(await again.probe('/readyz'), 503)
    await edges.connect().replace(state())
    assert.equal(await again.probe('/readyz'), 200)
  })

  test('hear only who has a lease that is not older than the last', async () => {
    const edge = await edges.start(1)
    await edges.connect({ fence: () => 7 }).replace(state())
    const older = edges.connect({ fence: () => 6 })
    await waitFor('the connection', async () => (await older.status().catch(() => undefined)) !== undefined)
    await assert.rejects(older.replace(emptyState), (error) => isPlatformError(error, 'lease_lost'))
    assert.equal(await getStatus(edge), 200)
  })

  test('take control planes behind the shared key, and no route that leads to one', async () => {
    const edge = await edges.start(1)
    const control = edges.connect()
    const sealed = 'tls+psk://127.0.0.1:9'
    await control.replace({ ...state(), controlPlanes: [sealed, upstream.target] })
    assert.equal(await getStatus(edge, '/hub/'), 200, 'by the one that answers')
    await assert.rejects(
      control.apply([{ type: 'route-put', route: buildServerRoute('bob', sealed) }]),
      (error) => isPlatformError(error, 'bad_request'),
    )
    for (const address of ['tls+psk://127.0.0.1', 'tls+psk://127.0.0.1:9/path', 'tls://127.0.0.1:9'])
      await assert.rejects(
        control.apply([{ type: 'control-planes', controlPlanes: [address] }]),
        (error) => isPlatformError(error, 'bad_request'),
        address,
      )
  })

  test('hold up nobody when one falls silent, and learn what they missed', async () => {
    const [first, second] = await Promise.all([edges.start(1), edges.start(2)])
    const edge = edges.connect({ times: { acknowledgeMs: 300, askEveryMs: 60_000 } })
    await edge.replace(state())
    await waitFor('both', async () => (await second.probe('/readyz')) === 200)
    second.process.kill('SIGSTOP')
    await edge.apply([{ type: 'credential-delete', hash: hashOf('secret') }])
    assert.equal(await getStatus(first), 403)
    second.process.kill('SIGCONT')
    await waitFor('the second to learn', async () => (await getStatus(second)) === 403)
  })

  test('are let go of when their address and connection are gone', async () => {
    const [first, second] = await Promise.all([edges.start(1), edges.start(2)])
    const edge = edges.connect({ times: { acknowledgeMs: 60_000 } })
    await edge.replace(state())
    await waitFor('both', async () => (await second.probe('/readyz')) === 200)
    edges.forget(2)
    await edge.apply([{ type: 'route-put', route: buildServerRoute('bob', upstream.target) }])
    assert.equal(await getStatus(second, '/user/bob/'), 200, 'still told while it is connected')
    await second.kill()
    await edge.apply([{ type: 'route-delete', prefix: '/user/bob/' }])
    assert.equal(await getStatus(first, '/user/bob/'), 424)
  })

  test('tell together how many websockets are open', async () => {
    const [first, second] = await Promise.all([edges.start(1), edges.start(2)])
    const edge = edges.connect()
    let open: number | undefined
    const listen = (from: typeof edge) =>
      from.onReport(({ routes }) => {
        open = routes.find(({ prefix }) => prefix === '/user/alice/')?.openWebsockets ?? open
      })
    const stop = listen(edge)
    await edge.replace(state())
    await waitFor('both', async () => (await second.probe('/readyz')) === 200)
    await openWebsocket(first.url, websocketPath)
    await openWebsocket(first.url, websocketPath)
    await openWebsocket(second.url, websocketPath)
    await waitFor('three', () => open === 3)
    stop()
    // A control plane that comes later hears of those that are open already.
    open = undefined
    listen(edges.connect())
    await waitFor('three again', () => open === 3)
    await first.kill()
    await waitFor('one', () => open === 1)
  })
})

describe('the control port of an edge', () => {
  test('hears nobody who has not the key', async () => {
    const edge = await edges.start(1)
    const stranger = edges.connect({ key: randomBytes(32), times: { firstEdgeMs: 200 } })
    await assert.rejects(stranger.replace(state()), (error) => isPlatformError(error, 'internal'))
    const { address: host } = edge
    const plain = connect({ host, port: edges.ports.control })
    plain.end('{"type":"replace","seq":1,"fence":9,"state":{}}\n')
    assert.doesNotMatch(await readAll(plain), /hello/)
    const secured = connectTls({ host, port: edges.ports.control, rejectUnauthorized: false })
    assert.equal(await readAll(secured), '')
    assert.equal(await edge.probe('/readyz'), 503)
  })

  test('the port for probes tells nothing else', async () => {
    const edge = await edges.start(1)
    await edges.connect().replace(state())
    for (const [path, method, status] of [
      ['/', 'GET', 404],
      ['/healthz/x', 'GET', 404],
      ['/readyz', 'POST', 405],
      ['/healthz', 'GET', 200],
    ] as const) {
      const answer = await fetch(`http://${edge.address}:${edges.ports.health}${path}`, { method })
      assert.equal(answer.status, status, `${method} ${path}`)
      assert.equal(await answer.text(), '')
    }
  })
})

describe('an edge that is told to end while others serve', () => {
  test('is not ready any more, accepts nobody, and ends with its last websocket', async () => {
    const edge = await edges.start(1)
    await edges.connect().replace(state())
    const websocket = await openWebsocket(edge.url, websocketPath)
    edge.process.kill('SIGTERM')
    await waitFor('it to be not ready', async () => (await edge.probe('/readyz')) === 503)
    assert.equal(await edge.probe('/healthz'), 200)
    await waitFor('it to accept nobody', async () => !(await canConnect(edge)))
    websocket.sendText('still here')
    assert.equal((await websocket.nextFrame()).payload.toString(), 'still here')
    const ended = once(edge.process, 'exit')
    websocket.close()
    assert.deepEqual(await ended, [0, null])
  })

  test('still hears of what is revoked', async () => {
    const edge = await edges.start(1)
    const control = edges.connect()
    await control.replace(state())
    const websocket = await openWebsocket(edge.url, websocketPath)
    const ended = once(edge.process, 'exit')
    edge.process.kill('SIGTERM')
    await waitFor('it to accept nobody', async () => !(await canConnect(edge)))
    await control.apply([{ type: 'credential-delete', hash: hashOf('secret') }])
    await websocket.closed
    await ended
  })

  test('cuts what is left when its time is over', async () => {
    const edge = await edges.start(1, { drainMs: 300 })
    await edges.connect().replace(state())
    const websocket = await openWebsocket(edge.url, websocketPath)
    const ended = once(edge.process, 'exit')
    edge.process.kill('SIGTERM')
    await websocket.closed
    assert.deepEqual(await ended, [0, null])
  })
})

async function readAll(socket: ReturnType<typeof connect>): Promise<string> {
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString()
  })
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.on('close', resolve))
  return text
}

async function canConnect({ address }: TestExternalEdge): Promise<boolean> {
  const socket = connect({ host: address, port: edges.ports.public })
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.destroy()
  return isOpen
}
