import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { type SeenRequest, startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { openWebsocket } from '#edge/conformance/websocket-peer.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { EdgeConfig } from './edge-config.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

let folder: string
let path: string
let hubs: TestUpstream[]
let edges: TestEdgeServer[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atrium-hold-'))
  path = join(folder, 'hub.sock')
  hubs = []
  edges = []
})
afterEach(async () => {
  for (const edge of edges) await edge.dispose()
  for (const hub of hubs) await hub.kill()
  rmSync(folder, { recursive: true })
})

async function startHub(name = 'hub'): Promise<TestUpstream> {
  const hub = await startUpstream(name, { listen: { path } })
  hubs.push(hub)
  return hub
}

async function startEdge(config: Partial<EdgeConfig> = {}): Promise<TestEdgeServer> {
  const edge = await startTestEdge({ controlPlanes: [`unix:${path}`] }, config)
  edges.push(edge)
  return edge
}

const countOpen = (edge: TestEdgeServer) =>
  promisify(edge.server.listener.getConnections.bind(edge.server.listener))()
const heldBy = (edge: TestEdgeServer) => edge.server.counts.heldRequests

describe('while the control plane restarts', () => {
  test('requests of every kind wait for it and are answered', async () => {
    const edge = await startEdge()
    const first = await startHub()
    assert.equal((await fetch(`${edge.url}/hub/`)).status, 200)
    await first.kill()
    const requests = [
      fetch(`${edge.url}/hub/a`),
      fetch(`${edge.url}/hub/b`, { method: 'POST', body: 'hello' }),
      fetch(`${edge.url}/hub/c`, { method: 'DELETE' }),
      fetch(`${edge.url}/hub/d`, { method: 'PUT', body: Buffer.alloc(1024 * 1024) }),
    ]
    const websocket = openWebsocket(edge.url, '/hub/ws')
    await waitFor('all to wait', () => heldBy(edge) === 5)
    const second = await startHub('second')
    for (const request of requests) {
      const response = await request
      assert.equal(response.status, 200)
      assert.equal(((await response.json()) as SeenRequest).upstream, 'second')
    }
    const peer = await websocket
    peer.close()
    assert.equal(second.seen.length, 5)
  })

  test('requests wait without an attempt when it announced itself', async () => {
    const edge = await startEdge()
    const hub = await startHub()
    edge.server.apply([{ type: 'control-planes', controlPlanes: [] }])
    const request = fetch(`${edge.url}/hub/`, { method: 'POST', body: 'x' })
    await waitFor('it to wait', () => heldBy(edge) === 1)
    assert.equal(hub.seen.length, 0)
    edge.server.apply([{ type: 'control-planes', controlPlanes: [`unix:${path}`] }])
    assert.equal((await request).status, 200)
  })

  test('a hundred requests at once are all answered', async () => {
    const edge = await startEdge()
    const requests = Array.from({ length: 100 }, () => fetch(`${edge.url}/hub/`).then(({ status }) => status))
    await waitFor('all to wait', () => heldBy(edge) === 100)
    await startHub()
    assert.deepEqual(new Set(await Promise.all(requests)), new Set([200]))
  })

  test('nobody waits longer than set', async () => {
    const edge = await startEdge({ times: { holdMs: 100 } })
    const page = await fetch(`${edge.url}/hub/home`, { headers: { accept: 'text/html' } })
    assert.equal(page.status, 503)
    assert.equal(page.headers.get('retry-after'), '3')
    assert.match(await page.text(), /<meta http-equiv="refresh" content="3">/)
    const answer = await fetch(`${edge.url}/hub/api/`)
    assert.equal(answer.status, 503)
    assert.deepEqual(Object.keys((await answer.json()) as object), ['status', 'message'])
  })

  test('no more wait than set', async () => {
    const edge = await startEdge({ limits: { maxHeld: 2 } })
    const held = [fetch(`${edge.url}/hub/`), fetch(`${edge.url}/hub/`)]
    await waitFor('two to wait', () => heldBy(edge) === 2)
    assert.equal((await fetch(`${edge.url}/hub/`)).status, 503)
    await startHub()
    for (const request of held) assert.equal((await request).status, 200)
  })

  test('a client that leaves is forgotten', async () => {
    const edge = await startEdge()
    const abort = new AbortController()
    const request = fetch(`${edge.url}/hub/`, { signal: abort.signal })
    await waitFor('it to wait', () => heldBy(edge) === 1)
    abort.abort()
    await assert.rejects(request)
    await waitFor('it to be gone', () => edge.server.counts.liveExchanges === 0)
    const hub = await startHub()
    assert.equal((await fetch(`${edge.url}/hub/`)).status, 200)
    assert.equal(hub.seen.length, 1)
  })
})

describe('a request that was lost on its way', () => {
  /** Takes a number of requests and dies of each, then serves. */
  function startDyingHub(deaths: number): { seen: string[]; close(): void } {
    const seen: string[] = []
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes: Buffer) => {
        seen.push(bytes.toString().split(' ', 1)[0] as string)
        if (seen.length <= deaths) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    server.listen(path)
    return { seen, close: () => server.close() }
  }

  test('is sent again when it is safe', async () => {
    const edge = await startEdge()
    const hub = startDyingHub(2)
    assert.equal(await (await fetch(`${edge.url}/hub/`)).text(), 'ok')
    assert.deepEqual(hub.seen, ['GET', 'GET', 'GET'])
    hub.close()
  })

  test('is not sent again without end', async () => {
    const edge = await startEdge()
    const hub = startDyingHub(100)
    assert.equal((await fetch(`${edge.url}/hub/`)).status, 503)
    assert.ok(hub.seen.length < 10)
    hub.close()
  })

  test('is never sent twice when that could do its work twice', async () => {
    const edge = await startEdge()
    const hub = startDyingHub(1)
    assert.equal((await fetch(`${edge.url}/hub/`, { method: 'POST' })).status, 503)
    assert.deepEqual(hub.seen, ['POST'])
    hub.close()
  })
})

test('a client that leaves an edge that knows nothing yet is forgotten', async () => {
  const hub = await startHub()
  const edge = await startTestEdge({}, {}, { isEmpty: true })
  edges.push(edge)
  const client = edge.connect()
  client.write('GET /hub/ HTTP/1.1\r\nHost: a\r\n\r\n')
  await waitFor('it to connect', () => edge.connections() === 1)
  const other = fetch(`${edge.url}/hub/`)
  await waitFor('another', () => edge.connections() === 2)
  client.destroy()
  await waitFor('the edge to notice', () => countOpen(edge).then((open) => open === 1))
  edge.server.replace({ routes: [], tunnels: [], credentials: [], controlPlanes: [hub.target] })
  assert.equal((await other).status, 200)
  await waitFor('nothing to be under way', () => edge.server.counts.liveExchanges === 0)
})

test('an edge that knows nothing yet lets requests wait until it does', async () => {
  const hub = await startHub()
  const edge = await startTestEdge({}, {}, { isEmpty: true })
  edges.push(edge)
  const request = fetch(`${edge.url}/user/alice/`, { headers: { accept: 'application/json' } })
  const other = fetch(`${edge.url}/hub/`)
  await waitFor('both', () => edge.connections() === 2)
  edge.server.replace({ routes: [], tunnels: [], credentials: [], controlPlanes: [hub.target] })
  assert.equal((await request).status, 403)
  assert.equal((await other).status, 200)
})
