import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

/** Requests that reached the upstream, each with its connection, still to be answered. */
let seen: { path: string; head: string; socket: Socket }[]
let upstream: ReturnType<typeof createServer>
let edge: TestEdgeServer

beforeEach(async () => {
  seen = []
  upstream = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      const head = bytes.toString('latin1')
      seen.push({ path: head.split(' ')[1] as string, head, socket })
    })
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port } = upstream.address() as { port: number }
  edge = await startTestEdge({ routes: [buildServiceRoute('slow', `http://127.0.0.1:${port}`)] })
})
afterEach(async () => {
  await edge.dispose()
  for (const { socket } of seen) socket.destroy()
  upstream.close()
})

const get = (name: string, headers = '') => `GET /services/slow/${name} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`

function answer(index: number): void {
  const { path, socket } = seen[index] as (typeof seen)[number]
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
}

describe('requests that are sent ahead of answers', () => {
  test('go on one after the other, and are answered in order', async () => {
    const client = edge.connect()
    let text = ''
    client.on('data', (bytes: Buffer) => {
      text += bytes.toString()
    })
    client.write(get('1') + get('2') + get('3'))
    for (const index of [0, 1, 2]) {
      await waitFor('the request', () => seen.length > index)
      assert.equal(seen.length, index + 1, 'the next one waits for the answer before it')
      answer(index)
    }
    await waitFor('all answers', () => text.split('HTTP/1.1 200 OK').length === 4)
    assert.deepEqual(
      text.match(/\/services\/slow\/./g),
      ['1', '2', '3'].map((name) => `/services/slow/${name}`),
    )
    assert.equal(new Set(seen.map(({ socket }) => socket)).size, 1)
    client.destroy()
  })

  test('are not taken by the thousand', async () => {
    const client = edge.connect()
    client.on('error', () => undefined)
    client.write(get('x').repeat(1000))
    await once(client, 'close')
    await waitFor('nothing to be under way', () => edge.server.counts.liveExchanges === 0)
    assert.ok(seen.length <= 1)
  })

  test('leave nothing behind when the client leaves', async () => {
    const client = edge.connect()
    client.write(get('1') + get('2'))
    await waitFor('the first', () => seen.length === 1)
    client.destroy()
    await waitFor('nothing to be under way', () => edge.server.counts.liveExchanges === 0)
    assert.equal(seen.length, 1)
  })

  test('cannot put a websocket before the answer that is awaited', async () => {
    const client = edge.connect()
    client.write(get('1') + get('ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
    await waitFor('the first', () => seen.length === 1)
    answer(0)
    await waitFor('the second', () => seen.length === 2)
    assert.doesNotMatch(seen[1]?.head as string, /upgrade/i)
    client.destroy()
  })
})
