import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { buildCredential, buildServerRoute, buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

type Respond = (request: IncomingMessage, response: ServerResponse) => void

let respond: Respond = (_request, response) => void response.end()
let upstream: TestUpstream
let edge: TestEdgeServer

before(async () => {
  upstream = await startUpstream('upstream', { respond: (request, response) => respond(request, response) })
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

const stats = () => ({ routes: [buildServiceRoute('stats', upstream.target)] })
/** A condition that holds when a count, once begun, is the same as at the look before. */
function isStanding(count: () => number): () => boolean {
  let seen = -1
  return () => {
    const before = seen
    seen = count()
    return seen > 0 && seen === before
  }
}
const url = (path = '') => `${edge.url}/services/stats/${path}`

describe('a response', () => {
  test('comes through with its status, reason, headers and body', async () => {
    respond = (_request, response) => {
      response.writeHead(418, 'Short And Stout', { 'x-a': ['1', '2'], date: 'Tue, 24 Nov 2026 00:00:00 GMT' })
      response.end('tea')
    }
    const response = await fetch(url())
    assert.equal(response.status, 418)
    assert.equal(response.statusText, 'Short And Stout')
    assert.equal(response.headers.get('x-a'), '1, 2')
    assert.equal(response.headers.get('date'), 'Tue, 24 Nov 2026 00:00:00 GMT')
    assert.equal(await response.text(), 'tea')
  })

  for (const [what, method, head, expected] of [
    [
      'to HEAD',
      'HEAD',
      { status: 200, headers: { 'content-length': '5' } },
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 5\r\n/i,
    ],
    ['to HEAD without a length', 'HEAD', { status: 200, headers: {} }, /^HTTP\/1\.1 200 OK\r\n/],
    ['204', 'GET', { status: 204, headers: {} }, /^HTTP\/1\.1 204 No Content\r\n/],
    ['304', 'GET', { status: 304, headers: { etag: 'x' } }, /^HTTP\/1\.1 304 Not Modified\r\netag: x\r\n/],
  ] as const) {
    test(`has no body: ${what}, and the connection serves on`, async () => {
      respond = (_request, response) => {
        response.writeHead(head.status, head.headers)
        response.end()
      }
      const text = await edge.send(
        `${method} /services/stats/ HTTP/1.1\r\nHost: a\r\n\r\n${method} /services/stats/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      )
      assert.match(text, expected)
      assert.equal(text.split('\r\n\r\n').length, 3, 'two heads and nothing else')
    })
  }

  test('reaches the client piece by piece, as it is written', async () => {
    let feed: ServerResponse | undefined
    respond = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      feed = response
    }
    const response = await fetch(url())
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const next = async () => Buffer.from((await reader.read()).value ?? []).toString()
    assert.equal(await next(), 'data: 1\n\n')
    feed?.write('data: 2\n\n')
    assert.equal(await next(), 'data: 2\n\n')
    feed?.end()
    assert.equal((await reader.read()).done, true)
  })

  test('begins before its body does', async () => {
    let feed: ServerResponse | undefined
    respond = (_request, response) => {
      response.flushHeaders()
      feed = response
    }
    assert.equal((await fetch(url())).status, 200)
    feed?.end()
  })

  test('brings early hints before it', async () => {
    respond = (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('x')
    }
    const text = await edge.send('GET /services/stats/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(
      text,
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
    )
  })

  test('is cut short when the upstream breaks off, never made to look whole', async () => {
    respond = (_request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('12345', () => response.destroy())
    }
    await assert.rejects((await fetch(url())).text())
    respond = (_request, response) => {
      response.write('12345', () => response.destroy())
    }
    await assert.rejects((await fetch(url())).text())
  })

  test('is given up when the client goes away', async () => {
    let closed = false
    respond = (_request, response) => {
      response.on('close', () => {
        closed = true
      })
      response.write('x')
    }
    const abort = new AbortController()
    const response = await fetch(url(), { signal: abort.signal })
    abort.abort()
    await assert.rejects(response.text())
    await waitFor('the upstream to notice', () => closed)
  })

  test('waits for a slow client instead of filling the memory', async () => {
    let written = 0
    respond = (_request, response) => {
      const piece = Buffer.alloc(256 * 1024)
      const write = () => {
        while (written < 200 * 1024 * 1024) {
          written += piece.length
          if (!response.write(piece)) {
            response.once('drain', write)
            return
          }
        }
      }
      write()
    }
    const client = edge.connect()
    client.pause()
    client.write('GET /services/stats/ HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitFor(
      'the upstream to be held back',
      isStanding(() => written),
      { everyMs: 200 },
    )
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken for a client that reads none`)
    client.destroy()
  })

  test('is cut within a second when its credential is revoked', async () => {
    respond = (_request, response) => void response.write('x')
    const response = await fetch(`${edge.url}/user/alice/`, { headers: { authorization: 'token secret' } })
    const { hash } = buildCredential('secret', [])
    const started = performance.now()
    edge.server.apply([{ type: 'credential-delete', hash }])
    await assert.rejects(response.text())
    assert.ok(performance.now() - started < 1000)
    edge.server.apply([{ type: 'credential-put', credential: buildCredential('secret', ['alice']) }])
  })

  test('is cut when its credential expires', async () => {
    respond = (_request, response) => void response.write('x')
    const credential = buildCredential('brief', ['alice'], { expiresAtMs: Date.now() + 300 })
    edge.server.apply([{ type: 'credential-put', credential }])
    const response = await fetch(`${edge.url}/user/alice/`, { headers: { authorization: 'token brief' } })
    await assert.rejects(response.text())
  })
})

describe('a request body', () => {
  for (const [what, headers] of [
    ['of known length', { 'content-length': '11' }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ] as const) {
    test(`${what} comes through as it is written`, async () => {
      const pieces: string[] = []
      respond = (request, response) => {
        request.on('data', (piece: Buffer) => pieces.push(piece.toString()))
        request.on('end', () => response.end(JSON.stringify(request.headers)))
      }
      const client = httpRequest(url(), { method: 'PUT', headers })
      client.write('hello')
      await waitFor('the first piece', () => pieces.length === 1)
      client.end(' again')
      const [response] = (await once(client, 'response')) as [IncomingMessage]
      const seen = JSON.parse((await response.toArray()).join('')) as Record<string, string>
      assert.equal(pieces.join(''), 'hello again')
      for (const [name, value] of Object.entries(headers)) assert.equal(seen[name], value)
    })
  }

  test('is asked for only when the upstream wants it', async () => {
    let isWanted = false
    respond = (_request, response) => void response.writeHead(403).end()
    const refused = await edge.send(
      'POST /services/stats/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    )
    // Node's own server says `100 Continue` by itself, so both answers come.
    assert.match(refused, /HTTP\/1\.1 403 /)
    const raw = createTcpServer((socket) => {
      socket.once('data', (head: Buffer) => {
        assert.match(head.toString(), /Expect: 100-continue\r\n/)
        socket.write(
          isWanted ? 'HTTP/1.1 100 Continue\r\n\r\n' : 'HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n',
        )
        socket.once('data', (body: Buffer) => {
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        })
      })
    })
    const target = await listen(raw)
    const other = await startTestEdge({ routes: [buildServiceRoute('raw', target)] })
    const head =
      'POST /services/raw/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
    assert.match(await other.send(head), /^HTTP\/1\.1 417 /)
    // Nobody knows whether the body comes after all, so the connection ends.
    assert.match(await other.send(head.replace('Connection: close\r\n', '')), /^HTTP\/1\.1 417 /)
    isWanted = true
    const client = other.connect()
    client.write(head)
    const [first] = (await once(client, 'data')) as [Buffer]
    assert.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.write('hello')
    const [second] = (await once(client, 'data')) as [Buffer]
    assert.match(second.toString(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello$/)
    await other.dispose()
    raw.close()
  })

  test('that the upstream does not wait for does not keep its answer', async () => {
    respond = (_request, response) => void response.writeHead(413).end('too much')
    const response = await fetch(url(), { method: 'POST', body: Buffer.alloc(3 * 1024 * 1024) })
    assert.equal(response.status, 413)
    assert.equal(await response.text(), 'too much')
  })

  test('that stands still is given up', async () => {
    const clock = createFakeClock()
    let received = 0
    respond = (request) => {
      request.on('data', (piece: Buffer) => {
        received += piece.length
      })
    }
    const other = await startTestEdge(stats(), { times: { idleBodyMs: 1000 } }, { clock })
    const client = other.connect()
    client.write('POST /services/stats/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n')
    for (let sent = 1; sent <= 3; sent += 1) {
      client.write('x')
      await waitFor('the piece', () => received === sent)
      await clock.advance(900)
      // As after every change, all that is under way is looked at.
      other.server.apply([])
    }
    await clock.advance(101)
    other.server.apply([])
    const [bytes] = (await once(client, 'data')) as [Buffer]
    assert.match(bytes.toString(), /^HTTP\/1\.1 408 [\s\S]*connection: close/i)
    await other.dispose()
  })

  test('that the upstream holds back is not given up', async () => {
    const clock = createFakeClock()
    let upload: IncomingMessage | undefined
    respond = (request, response) => {
      upload = request
      request.on('end', () => response.end('late'))
    }
    const other = await startTestEdge(stats(), { times: { idleBodyMs: 1000 } }, { clock })
    const client = httpRequest(`${other.url}/services/stats/`, {
      method: 'PUT',
      headers: { connection: 'close' },
    })
    const answered = once(client, 'response')
    client.end(Buffer.alloc(32 * 1024 * 1024))
    await waitFor(
      'the upstream to take no more',
      isStanding(() => client.socket?.bytesWritten ?? 0),
      { everyMs: 200 },
    )
    await clock.advance(600_000)
    other.server.apply([])
    upload?.resume()
    const [response] = (await answered) as [IncomingMessage]
    assert.equal((await response.toArray()).join(''), 'late')
    await other.dispose()
  })

  test('that breaks off is not made to look whole', async () => {
    let ended = ''
    respond = (request) => {
      request.on('error', () => {
        ended = 'aborted'
      })
      request.on('end', () => {
        ended = 'complete'
      })
      request.resume()
    }
    const before = upstream.seen.length
    const client = edge.connect()
    client.write(
      'POST /services/stats/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    )
    await waitFor('the request', () => upstream.seen.length > before)
    client.destroy()
    await waitFor('its end', () => ended)
    assert.equal(ended, 'aborted')
  })
})

describe('an upstream', () => {
  test('that refuses connections is answered for at once, and told of once', async () => {
    const dead = await startUpstream('dead')
    await dead.kill()
    const other = await startTestEdge({
      routes: [buildServerRoute('alice', dead.target), buildServiceRoute('stats', dead.target)],
      credentials: [buildCredential('secret', '*')],
    })
    const headers = { authorization: 'token secret', accept: 'text/html' }
    for (let index = 0; index < 3; index += 1) {
      const response = await fetch(`${other.url}/user/alice/lab`, { headers })
      assert.equal(response.status, 503)
      assert.match(await response.text(), /href="\/hub\/spawn\/alice\?next=%2Fuser%2Falice%2Flab"/)
    }
    assert.deepEqual(other.failures, [{ prefix: '/user/alice/', target: dead.target }])
    const response = await fetch(`${other.url}/services/stats/`)
    assert.deepEqual(await response.json(), { status: 503, message: 'The service stats does not answer.' })
    await other.dispose()
  })

  test('that dies while it is asked is answered for, and told of', async () => {
    respond = (request) => void request.socket.destroy()
    const headers = { authorization: 'token secret' }
    assert.equal((await fetch(`${edge.url}/user/alice/`, { method: 'POST', headers })).status, 503)
    assert.equal((await fetch(`${edge.url}/user/alice/`, { method: 'POST', headers, body: 'x' })).status, 502)
    await waitFor('the hint', () => edge.failures.some(({ prefix }) => prefix === '/user/alice/'))
  })

  test('that closed an idle connection meanwhile is simply asked again', async () => {
    let connections = 0
    const flaky = createTcpServer((socket) => {
      connections += 1
      let requests = 0
      socket.on('data', () => {
        requests += 1
        // The second request on a connection meets its end.
        if (requests === 2) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const other = await startTestEdge({ routes: [buildServiceRoute('flaky', await listen(flaky))] })
    for (let index = 0; index < 5; index += 1) {
      assert.equal(await (await fetch(`${other.url}/services/flaky/`)).text(), 'ok')
    }
    assert.ok(connections > 1)
    await other.dispose()
    flaky.close()
  })

  for (const [what, answer] of [
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['half a head', 'HTTP/1.1 200 OK\r\nX-A:'],
    ['another protocol than it was asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ] as const) {
    test(`that answers ${what} is a bad gateway`, async () => {
      const raw = createTcpServer((socket) => void socket.once('data', () => socket.end(answer)))
      const other = await startTestEdge({ routes: [buildServiceRoute('raw', await listen(raw))] })
      assert.equal((await fetch(`${other.url}/services/raw/`)).status, 502)
      await other.dispose()
      raw.close()
    })
  }

  test('that adds a second answer to the first gives it to nobody', async () => {
    const sockets: Socket[] = []
    const raw = createTcpServer((socket) => {
      sockets.push(socket)
      const answer = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`
      socket.on('data', () => socket.write(answer('right') + answer('planted')))
    })
    const other = await startTestEdge({ routes: [buildServiceRoute('raw', await listen(raw))] })
    for (let index = 0; index < 4; index += 1) {
      assert.equal(await (await fetch(`${other.url}/services/raw/`)).text(), 'right')
    }
    assert.equal(sockets.length, 4, 'no connection is used again')
    await other.dispose()
    raw.close()
  })

  test('is reached by few connections, used again and again', async () => {
    const connections = new Set<Socket>()
    const server = createServer((request, response) => {
      connections.add(request.socket)
      response.end()
    })
    const other = await startTestEdge({ routes: [buildServiceRoute('counted', await listen(server))] })
    for (let index = 0; index < 20; index += 1) await (await fetch(`${other.url}/services/counted/`)).text()
    assert.equal(connections.size, 1)
    await other.dispose()
    server.close()
  })
})

async function listen(server: {
  listen(port: number, host: string): unknown
  address(): unknown
}): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server as unknown as NodeJS.EventEmitter, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}
