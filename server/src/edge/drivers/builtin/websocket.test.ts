import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { after, before, describe, test } from 'node:test'

import fc from 'fast-check'

import { buildCredential, buildServerRoute, buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { buildFrame, HandshakeError, openWebsocket } from '#edge/conformance/websocket-peer.ts'
import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'
import { WebsocketFrames } from './websocket-frames.ts'

let upstream: TestUpstream
let edge: TestEdgeServer

before(async () => {
  upstream = await startUpstream('upstream')
  edge = await startTestEdge({
    routes: [buildServerRoute('alice', upstream.target), buildServiceRoute('stats', upstream.target)],
    credentials: [buildCredential('secret', ['alice'])],
    controlPlanes: [upstream.target],
  })
})
after(async () => {
  await edge.dispose()
  await upstream.kill()
})

const path = '/user/alice/ws?token=secret'

describe('a websocket', () => {
  test('carries frames both ways as they are: texts, fragments, pings, and bytes by the megabyte', async () => {
    const websocket = await openWebsocket(edge.url, path)
    const large = randomBytes(3 * 1024 * 1024)
    const frames = [
      { opcode: 1, payload: Buffer.from('héllo'), isFinal: true },
      { opcode: 2, payload: Buffer.from([1, 2]), isFinal: false },
      { opcode: 0, payload: Buffer.alloc(70_000, 3), isFinal: false },
      { opcode: 0, payload: Buffer.alloc(0), isFinal: true },
      { opcode: 2, payload: large, isFinal: true },
    ]
    for (const frame of frames) websocket.send(frame)
    for (const frame of frames) assert.deepEqual(await websocket.nextFrame(), frame)
    websocket.send({ opcode: 9, payload: Buffer.from('ping'), isFinal: true })
    assert.deepEqual(await websocket.nextFrame(), { opcode: 10, payload: Buffer.from('ping'), isFinal: true })
    websocket.close()
  })

  test('reaches services and the control plane too, without the session cookie at a service', async () => {
    const headers = { cookie: 'a=b; atrium-session=x', origin: edge.url }
    for (const [to, cookie] of [
      ['/services/stats/ws', 'a=b'],
      ['/hub/ws', 'a=b; atrium-session=x'],
    ] as const) {
      const websocket = await openWebsocket(edge.url, to, headers)
      assert.equal(upstream.seen.at(-1)?.headers['cookie'], cookie)
      assert.equal(upstream.seen.at(-1)?.headers['x-forwarded-for'], '127.0.0.1')
      websocket.close()
    }
  })

  test('ends on both sides when either ends', async () => {
    const first = await openWebsocket(edge.url, path)
    await waitFor('it', () => upstream.websockets.size === 1)
    first.close()
    await waitFor('the upstream to notice', () => upstream.websockets.size === 0)
    const second = await openWebsocket(edge.url, path)
    await waitFor('it', () => upstream.websockets.size === 1)
    for (const socket of upstream.websockets) socket.destroy()
    await second.closed
    await waitFor('nothing under way', () => edge.server.counts.liveExchanges === 0)
  })

  test('that sends its first frame along with the handshake loses none', async () => {
    const client = edge.connect()
    const handshake = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
    const frame = buildFrame({ opcode: 1, payload: Buffer.from('early'), isFinal: true }, true)
    client.write(Buffer.concat([Buffer.from(handshake), frame]))
    let text = ''
    client.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
    })
    await waitFor('the echo', () => text.endsWith('early'))
    client.destroy()
  })

  test('is held back when its reader is slow', async () => {
    const websocket = await openWebsocket(edge.url, path)
    websocket.socket.pause()
    const [server] = upstream.websockets
    const frame = buildFrame({ opcode: 2, payload: Buffer.alloc(1024 * 1024), isFinal: true }, false)
    for (let index = 0; index < 100; index += 1) server?.write(frame)
    let seen = -1
    await waitFor(
      'it to stand still',
      () => {
        const left = server?.writableLength ?? 0
        const stands = left === seen
        seen = left
        return stands
      },
      { everyMs: 200 },
    )
    assert.ok(seen > 50 * 1024 * 1024, `${seen} bytes are left with their sender`)
    websocket.close()
  })

  test('begins with GET in HTTP/1.1, and what does not is no websocket', async () => {
    for (const [method, version] of [
      ['POST', '1.1'],
      ['GET', '1.0'],
    ]) {
      const text = await edge.send(
        `${method} /user/alice/ws?token=secret HTTP/${version}\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`,
      )
      assert.match(text, /^HTTP\/1\.1 200 /)
    }
  })

  test('that the upstream refuses brings its answer to the client', async () => {
    const raw = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 403 Forbidden\r\nX-A: b\r\nSet-Cookie: atrium-session=x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
        ),
      )
    })
    raw.listen(0, '127.0.0.1')
    await once(raw, 'listening')
    const { port } = raw.address() as { port: number }
    const other = await startTestEdge({ routes: [buildServiceRoute('raw', `http://127.0.0.1:${port}`)] })
    await assert.rejects(openWebsocket(other.url, '/services/raw/'), (error) => {
      assert.ok(error instanceof HandshakeError)
      assert.match(error.head, /^HTTP\/1\.1 403 Forbidden\r\nX-A: b\r\nconnection: close$/)
      assert.equal(error.body, 'no')
      return true
    })
    await other.dispose()
    raw.close()
  })

  describe('that its upstream never answers', () => {
    const handshake = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`

    async function withSilentUpstream(visit: (edge: TestEdgeServer) => Promise<void>): Promise<void> {
      const silent = createTcpServer((socket) => socket.on('error', () => {}).resume())
      silent.listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as { port: number }
      const ownEdge = await startTestEdge({
        routes: [buildServerRoute('alice', `http://127.0.0.1:${port}`)],
        credentials: [buildCredential('secret', ['alice'])],
      })
      try {
        await visit(ownEdge)
        await waitFor('nothing under way', () => ownEdge.server.counts.liveExchanges === 0)
      } finally {
        await ownEdge.dispose()
        silent.close()
      }
    }

    test('is forgotten when the client leaves, whatever it sent before', () =>
      withSilentUpstream(async (ownEdge) => {
        const client = ownEdge.connect()
        client.write(`${handshake}early`)
        await waitFor('the handshake', () => ownEdge.server.counts.liveExchanges === 1)
        client.write('a little later')
        client.resetAndDestroy()
      }))

    test('ends when the client goes on sending', () =>
      withSilentUpstream(async (ownEdge) => {
        const client = ownEdge.connect().on('error', () => {})
        client.write(handshake)
        await waitFor('the handshake', () => ownEdge.server.counts.liveExchanges === 1)
        client.write(Buffer.alloc(1_000_000))
        await once(client.resume(), 'close', { signal: AbortSignal.timeout(10_000) })
      }))
  })

  test('to nobody is answered at once', async () => {
    const dead = await startUpstream('dead')
    await dead.kill()
    const other = await startTestEdge({ routes: [buildServiceRoute('dead', dead.target)] })
    await assert.rejects(openWebsocket(other.url, '/services/dead/'), (error) => {
      return error instanceof HandshakeError && error.status === 503
    })
    await other.dispose()
  })

  test('expires with its credential', async () => {
    const credential = buildCredential('brief', ['alice'], { expiresAtMs: Date.now() + 200 })
    edge.server.apply([{ type: 'credential-put', credential }])
    const websocket = await openWebsocket(edge.url, '/user/alice/ws?token=brief')
    await websocket.closed
    assert.ok(Date.now() >= (credential.expiresAtMs as number))
  })

  test('has 999 others beside it, all idle and all alive', async () => {
    const websockets = await Promise.all(Array.from({ length: 1000 }, () => openWebsocket(edge.url, path)))
    assert.equal(edge.server.counts.openWebsockets, 1000)
    for (const websocket of websockets) websocket.sendText('x')
    for (const websocket of websockets) assert.equal((await websocket.nextFrame()).payload.toString(), 'x')
    edge.server.apply([{ type: 'credential-delete', hash: buildCredential('secret', []).hash }])
    await Promise.all(websockets.map(({ closed }) => closed))
    edge.server.apply([{ type: 'credential-put', credential: buildCredential('secret', ['alice']) }])
  })
})

describe('the use of a websocket', () => {
  const use = () => edge.server.takeReport()?.routes.find(({ prefix }) => prefix === '/user/alice/')

  test('is seen in frames from either side, but not in pings and pongs', async () => {
    const websocket = await openWebsocket(edge.url, path)
    const opened = await waitFor('the opening', use)
    websocket.send({ opcode: 9, payload: Buffer.from('ping'), isFinal: true })
    await websocket.nextFrame()
    assert.equal(use(), undefined)
    websocket.sendText('hello')
    const used = await waitFor('the use', use)
    assert.ok(used.lastActivityMs >= opened.lastActivityMs)
    assert.equal(used.openWebsockets, 1)
    await websocket.nextFrame()
    use()
    const [server] = upstream.websockets
    server?.write(buildFrame({ opcode: 1, payload: Buffer.from('from the server'), isFinal: true }, false))
    await waitFor('the use', use)
    websocket.close()
    await waitFor('its end', () => use()?.openWebsockets === 0)
  })

  test('is found however the frames are cut', () => {
    const frames = fc.array(
      fc.record({
        opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
        length: fc.constantFrom(0, 1, 125, 126, 300, 65_536),
        masks: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(frames, fc.array(fc.nat(1_000_000), { maxLength: 10 }), (specs, cuts) => {
        const bytes = Buffer.concat(
          specs.map(({ opcode, length, masks }) =>
            buildFrame({ opcode, payload: Buffer.alloc(length, 0x81), isFinal: true }, masks),
          ),
        )
        const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
        const reader = new WebsocketFrames()
        const found = at.slice(1).map((end, index) => reader.feed(bytes.subarray(at[index], end)))
        assert.equal(
          found.includes(true),
          specs.some(({ opcode }) => opcode < 8),
        )
      }),
      { numRuns: 300 },
    )
  })
})
