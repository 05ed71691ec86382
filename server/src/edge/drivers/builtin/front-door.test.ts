import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { buildClientHello, cut, cutIntoRecords } from '#edge/conformance/test-client-hello.ts'
import { startUpstream } from '#edge/conformance/test-upstream.ts'
import type { EdgeState } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { EdgeConfig } from './edge-config.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

const hello = buildClientHello('one')
const get = 'GET /services/stats/ HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n'

let edge: TestEdgeServer
let behind: Server
/** Connections that reached what is behind the tunnel. */
let arrived: Socket[]
let allowsHalfOpen = false

beforeEach(async () => {
  arrived = []
  allowsHalfOpen = false
  behind = createServer((socket) => {
    socket.allowHalfOpen = allowsHalfOpen
    socket.on('error', () => undefined)
    arrived.push(socket)
  }).listen(0, '127.0.0.1')
  await once(behind, 'listening')
})
afterEach(async () => {
  // A run of what failed before passes over the others, which then start none.
  await edge?.dispose()
  for (const socket of arrived) socket.destroy()
  behind.close()
})

const target = () => `tcp://127.0.0.1:${(behind.address() as AddressInfo).port}`

async function start(
  config: Partial<EdgeConfig> = {},
  { isEmpty = false, state = {} }: { isEmpty?: boolean; state?: Partial<EdgeState> } = {},
): Promise<void> {
  const tunnels = [{ serverName: 'one', target: target(), data: {} }]
  edge = await startTestEdge({ tunnels, ...state }, config, { isEmpty })
}

function open(): Socket {
  const socket = edge.connect()
  socket.on('error', () => undefined)
  return socket
}

/** The connection behind the tunnel, as soon as there is one. */
function arrival(index = 0): Promise<Socket> {
  return waitFor('the connection', () => arrived[index])
}

async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for (;;) {
    const piece = socket.read() as Buffer | null
    if (piece === null) await once(socket, 'readable')
    else {
      pieces.push(piece)
      length += piece.length
      if (length >= count) return Buffer.concat(pieces)
    }
  }
}

/** An alert's description: what a client is told before the end. */
async function readAlert(socket: Socket): Promise<number[]> {
  return [...(await buffer(socket))]
}

/** The port of a program that listens and accepts nobody: whoever connects now waits for an answer. */
async function startDeafServer(t: TestContext): Promise<number> {
  const program = `import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
port = listener.getsockname()[1]
waiting = []
for _ in range(8):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    waiting.append(one)
print(port, flush=True)
time.sleep(600)`
  const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return Number(line.toString())
}

describe('a tunnel', () => {
  test('passes on what came, byte for byte, both ways', async () => {
    await start()
    const client = open()
    client.write(Buffer.concat([hello, Buffer.from('early')]))
    const other = await arrival()
    assert.deepEqual(await readBytes(other, hello.length + 5), Buffer.concat([hello, Buffer.from('early')]))
    other.write('answer')
    assert.equal((await readBytes(client, 6)).toString(), 'answer')
    client.write('more')
    assert.equal((await readBytes(other, 4)).toString(), 'more')
    assert.equal(edge.server.counts.openTunnels, 1)
    client.destroy()
    await once(other.resume(), 'close')
    await waitFor('the end', () => edge.server.counts.openTunnels === 0)
    const { tunnelConnections, tunnelBytes } = edge.server.counts
    assert.deepEqual([tunnelConnections, tunnelBytes], [1, hello.length + 15])
  })

  test('is found by a name that comes in pieces and in several records', async () => {
    await start()
    const bytes = cutIntoRecords(hello, 7)
    const client = open()
    for (const piece of cut(bytes, 1)) {
      client.write(piece)
      await new Promise(setImmediate)
    }
    assert.deepEqual(await readBytes(await arrival(), bytes.length), bytes)
    client.destroy()
  })

  for (const way of ['to', 'from'] as const) {
    test(`carries much ${way} what is behind it, as it was sent`, async () => {
      await start()
      const client = open()
      client.write(hello)
      const other = await arrival()
      await readBytes(other, hello.length)
      const [sender, receiver] = way === 'to' ? [client, other] : [other, client]
      const [sent, received] = [createHash('sha256'), createHash('sha256')]
      receiver.on('data', (piece: Buffer) => received.update(piece))
      for (let index = 0; index < 100; index += 1) {
        const piece = randomBytes(1 + Math.floor(Math.random() * 500_000))
        sent.update(piece)
        if (!sender.write(piece)) await once(sender, 'drain')
      }
      sender.end()
      await once(receiver, 'end')
      assert.equal(received.digest('hex'), sent.digest('hex'))
      receiver.end()
      await waitFor('the end', () => edge.server.counts.openTunnels === 0)
    })

    test(`waits for a slow reader: ${way} what is behind it`, async () => {
      await start()
      const client = open()
      client.write(hello)
      const other = await arrival()
      await readBytes(other, hello.length)
      const [sender, receiver] = way === 'to' ? [client, other] : [other, client]
      receiver.pause()
      const total = 64 * 1024 * 1024
      sender.write(Buffer.alloc(total))
      // While another tunnel carries a thousand messages, one after the other, this one stands still.
      const neighbour = open()
      neighbour.write(hello)
      const neighbourOther = await arrival(1)
      await readBytes(neighbourOther, hello.length)
      for (let round = 0; round < 1000; round += 1) {
        neighbour.write('x')
        await readBytes(neighbourOther, 1)
      }
      assert.ok(sender.writableLength > 0, 'what nobody reads is not taken')
      assert.ok(edge.server.counts.tunnelBytes < total / 2, 'nor is it kept')
      neighbour.destroy()
      let length = 0
      receiver.on('data', (piece: Buffer) => {
        length += piece.length
      })
      receiver.resume()
      await waitFor('all of it', () => length === total, { deadlineMs: 60_000 })
      client.destroy()
    })
  }

  test('stays half open until both ends have said their last word', async () => {
    allowsHalfOpen = true
    await start()
    const client = open()
    client.end(hello)
    const other = await arrival()
    assert.deepEqual(await readBytes(other, hello.length), hello)
    await once(other.resume(), 'end')
    other.write('answer after your end')
    other.end()
    assert.equal(await text(client), 'answer after your end')
    await waitFor('the end', () => edge.server.counts.openTunnels === 0)
  })

  test('that is half open and silent is given up', async () => {
    allowsHalfOpen = true
    await start({ times: { idleBodyMs: 200 } })
    const client = open()
    client.end(hello)
    const other = await arrival()
    other.resume()
    await once(client.resume(), 'close')
    await waitFor('the end', () => edge.server.counts.openTunnels === 0)
  })

  for (const which of ['client', 'target'] as const) {
    test(`ends at both sides when its ${which} breaks off in the middle`, async () => {
      await start()
      const client = open()
      client.write(hello)
      const other = await arrival()
      const [broken, left] = which === 'client' ? [client, other] : [other, client]
      left.resume()
      broken.write(Buffer.alloc(10_000_000))
      await waitFor('some of it', () => left.bytesRead > 100_000)
      broken.resetAndDestroy()
      await once(left, 'close')
      await waitFor('the end', () => edge.server.counts.openTunnels === 0)
    })
  }

  test('whose target refuses is an internal error to its client', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await start(
      {},
      { state: { tunnels: [{ serverName: 'one', target: `tcp://127.0.0.1:${port}`, data: {} }] } },
    )
    const client = open()
    client.write(hello)
    assert.deepEqual(await readAlert(client), [21, 3, 3, 0, 2, 2, 80])
    assert.equal(edge.server.counts.openTunnels, 0)
  })

  test('whose target takes no connection is given up in time', async (t) => {
    const deaf = await startDeafServer(t)
    const state = { tunnels: [{ serverName: 'one', target: `tcp://127.0.0.1:${deaf}`, data: {} }] }
    await start({ times: { connectTimeoutMs: 200 } }, { state })
    const [client, leaver] = [open(), open()]
    client.write(hello)
    leaver.write(hello)
    await waitFor('both', () => edge.server.counts.openTunnels === 2)
    leaver.resetAndDestroy()
    assert.deepEqual(await readAlert(client), [21, 3, 3, 0, 2, 2, 80])
    await waitFor('the end of both', () => edge.server.counts.openTunnels === 0)
  })

  test('whose client says no more than hello is cut, and may be silent after more', async () => {
    await start({ times: { headerTimeoutMs: 2000 } })
    const [client, idler] = [open(), open()]
    client.write(hello)
    const other = await arrival()
    client.write('more')
    await readBytes(other, hello.length + 4)
    idler.write(hello)
    await once(idler.resume(), 'close')
    await waitFor('the end of one', () => edge.server.counts.openTunnels === 1)
    client.write('still here')
    assert.equal((await readBytes(other, 10)).toString(), 'still here')
    client.destroy()
  })

  test('is cut with the edge', async () => {
    await start()
    const client = open()
    client.write(hello)
    const other = await arrival()
    const silent = open()
    await waitFor('both', () => edge.connections() === 2)
    const all = [client, other, silent].map((socket) => once(socket.resume(), 'close'))
    await edge.server.drain(60_000)
    await Promise.all(all)
  })
})

describe('the public port', () => {
  test('takes HTTP as before, in one piece and in many', async (t) => {
    const upstream = await startUpstream('stats', {
      respond: (request, response, seen) => {
        request.resume().on('end', () => response.end(JSON.stringify(seen)))
      },
    })
    t.after(() => upstream.kill())
    await start({}, { state: { routes: [buildServiceRoute('stats', upstream.target)] } })
    assert.match(await edge.send(get), /^HTTP\/1\.1 200 [\s\S]*"x-forwarded-for":"127\.0\.0\.1"/)
    const client = open()
    for (const piece of cut(Buffer.from(get), 1)) {
      client.write(piece)
      await new Promise(setImmediate)
    }
    assert.match(await text(client), /^HTTP\/1\.1 200 /)
    const body = randomBytes(3_000_000).toString('hex')
    const posting = open()
    posting.write(
      `POST /services/stats/ HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    assert.match(await text(posting), /^HTTP\/1\.1 200 /)
  })

  test('refuses TLS for nobody it knows, and TLS that makes no sense, in the words of TLS', async () => {
    await start()
    for (const [bytes, alert] of [
      [buildClientHello('two'), 112],
      [buildClientHello(), 112],
      [buildClientHello('one.'), 112],
      [Buffer.from([22, 3, 1, 0, 0]), 50],
      [Buffer.from('\x16nonsense'), 50],
    ] as const) {
      const client = open()
      client.write(bytes)
      assert.deepEqual(await readAlert(client), [21, 3, 3, 0, 2, 2, alert])
    }
    assert.equal(edge.server.counts.refusedTunnelConnections, 5)
    assert.deepEqual(arrived, [])
  })

  test('sends away who says nothing, or never all of it', async () => {
    await start({ times: { headerTimeoutMs: 100 } })
    const silent = open()
    const slow = open()
    slow.write(hello.subarray(0, 20))
    assert.match(await text(silent), /^HTTP\/1\.1 408 /)
    assert.equal(await text(slow), '')
    const gone = open()
    gone.end(hello.subarray(0, 20))
    assert.equal(await text(gone), '')
  })

  test('keeps TLS waiting until it is known where it leads', async () => {
    await start({}, { isEmpty: true })
    const [client, unknown, leaver] = [open(), open(), open()]
    client.write(hello)
    unknown.write(buildClientHello('two'))
    leaver.write(hello)
    await waitFor('all', () => edge.connections() === 3)
    leaver.resetAndDestroy()
    const tunnels = [{ serverName: 'one', target: target(), data: {} }]
    edge.server.replace({ routes: [], tunnels, credentials: [], controlPlanes: [] })
    assert.deepEqual(await readBytes(await arrival(), hello.length), hello)
    assert.deepEqual(await readAlert(unknown), [21, 3, 3, 0, 2, 2, 112])
    client.destroy()
  })
})
