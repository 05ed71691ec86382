import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'

import { buildCredential, buildServerRoute } from '#edge/conformance/conformance-site.ts'
import { buildClientHello } from '#edge/conformance/test-client-hello.ts'
import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

const rounds = 900

/** The same numbers in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

/** Answers with bytes of all kinds, and breaks off where it likes. */
function misbehave(socket: Socket, random: (below: number) => number): void {
  const chunk = 'x'.repeat(random(100_000))
  const answers = [
    `HTTP/1.1 200 OK\r\nContent-Length: ${chunk.length}\r\n\r\n${chunk}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n\r\n${chunk}`,
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x82\x01a',
    'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n',
    'nonsense',
  ]
  const answer = answers[random(answers.length)] as string
  const cut = random(3) === 0 ? answer.slice(0, random(answer.length + 1)) : answer
  socket.write(cut)
  const endings = [
    () => socket.destroy(),
    () => socket.end(),
    () => socket.resetAndDestroy(),
    () => undefined,
  ]
  endings[random(endings.length)]?.()
}

/** Changes some bytes. */
function spoil(bytes: Buffer, random: (below: number) => number): Buffer {
  for (let index = 0; index < 3; index += 1) bytes[random(bytes.length)] = random(256)
  return bytes
}

/** Sends a request of some kind, or what TLS begins with, in pieces, and leaves when it likes. */
async function visit(edge: TestEdgeServer, random: (below: number) => number): Promise<void> {
  const authorization = 'Host: a\r\nAuthorization: token secret\r\n'
  const body = 'y'.repeat(random(50_000))
  const requests = [
    `GET /user/alice/ HTTP/1.1\r\n${authorization}\r\n`,
    `HEAD /user/alice/ HTTP/1.1\r\n${authorization}\r\n`,
    `POST /user/alice/ HTTP/1.1\r\n${authorization}Content-Length: ${body.length}\r\n\r\n${body}`,
    `PUT /user/alice/ HTTP/1.1\r\n${authorization}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `GET /user/alice/ HTTP/1.1\r\n${authorization}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n\x81\x00`,
    `GET /user/alice/ HTTP/1.1\r\n${authorization}\r\nGET /user/alice/ HTTP/1.1\r\n${authorization}\r\n`,
    `${buildClientHello('one').toString('latin1')}${body}`,
    `${buildClientHello('one').toString('latin1')}${body}`,
    buildClientHello('two').toString('latin1'),
    spoil(buildClientHello('one'), random).toString('latin1'),
  ]
  const request = requests[random(requests.length)] as string
  const socket = edge.connect()
  socket.on('error', () => undefined)
  socket.resume()
  const at = random(request.length)
  socket.write(request.slice(0, at), 'latin1')
  await new Promise((resolve) => setTimeout(resolve, random(4)))
  if (random(5) > 0) socket.write(request.slice(at), 'latin1')
  await new Promise((resolve) => setTimeout(resolve, random(20)))
  if (random(2) === 0) socket.destroy()
  else socket.resetAndDestroy()
}

test('clients and upstreams that break off at any moment leave nothing behind and stop nobody', async (t) => {
  const random = createRandom(20_261_124)
  const sockets = new Set<Socket>()
  const upstream = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', () => misbehave(socket, random))
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port } = upstream.address() as { port: number }
  const edge = await startTestEdge({
    routes: [buildServerRoute('alice', `http://127.0.0.1:${port}`)],
    credentials: [buildCredential('secret', '*')],
    tunnels: [{ serverName: 'one', target: `tcp://127.0.0.1:${port}`, data: {} }],
  })
  t.after(async () => {
    await edge.dispose()
    for (const socket of sockets) socket.destroy()
    upstream.close()
  })
  for (let index = 0; index < rounds; index += 30) {
    await Promise.all(Array.from({ length: 30 }, () => visit(edge, random)))
  }
  await waitFor('nothing to be under way', () => edge.server.counts.liveExchanges === 0)
  const response = await fetch(`${edge.url}/hub/`, { signal: AbortSignal.timeout(50) }).catch(() => undefined)
  assert.ok(edge.server.counts.tunnelConnections > 0)
  assert.equal(response, undefined, 'the control plane is absent, and the edge waits for it')
  assert.equal(
    (await fetch(`${edge.url}/user/bob/`, { headers: { authorization: 'token secret' } })).status,
    424,
  )
  await edge.dispose()
  await waitFor('every connection to the upstream to be closed', () => sockets.size === 0)
})
