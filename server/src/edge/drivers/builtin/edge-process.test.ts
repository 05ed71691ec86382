import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'

import {
  buildCredential,
  buildServerRoute,
  buildServiceRoute,
  get,
  getUpstream,
} from '#edge/conformance/conformance-site.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { openWebsocket } from '#edge/conformance/websocket-peer.ts'
import type { EdgeReport, EdgeState } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { EdgeConfig } from './edge-config.ts'
import { ensureEdgeProcess } from './ensure-edge-process.ts'
import { EdgeStartError } from './ready-line.ts'
import { startTestEdgeProcess, type TestEdgeProcess } from './test-edge-process.ts'

let upstream: TestUpstream
let started: TestEdgeProcess[]

beforeEach(async () => {
  upstream = await startUpstream('upstream')
  started = []
})
afterEach(async () => {
  for (const edge of started) await edge.dispose()
  await upstream.kill()
})

async function start(overrides: Partial<EdgeConfig> = {}): Promise<TestEdgeProcess> {
  const edge = await startTestEdgeProcess(overrides)
  started.push(edge)
  return edge
}

function state(): EdgeState {
  return {
    routes: [buildServerRoute('alice', upstream.target)],
    tunnels: [],
    credentials: [buildCredential('secret', '*')],
    controlPlanes: [upstream.target],
  }
}

const websocketPath = '/user/alice/ws?token=secret'

describe('an edge process', () => {
  test('is steered by its own user alone', async () => {
    const { config, files } = await start()
    assert.equal(statSync(config.controlSocketPath).mode & 0o777, 0o600)
    assert.equal(statSync(config.controlSocketPath.replace(/\/[^/]+$/, '')).mode & 0o777, 0o700)
    assert.equal(statSync(files.configPath).mode & 0o777, 0o600)
    assert.equal(statSync(files.logPath).mode & 0o777, 0o600)
  })

  test('that lives is found again, and keeps serving meanwhile', async () => {
    const { edge, connect: connectAgain, config, files } = await start()
    await edge.replace(state())
    const { pid } = await edge.status()
    await edge.close()
    assert.equal((await get(edge, '/user/alice/', 'secret')).status, 200)
    const again = await connectAgain()
    assert.equal((await again.status()).pid, pid)
    assert.equal((await ensureEdgeProcess(config, files)).isEmpty, false)
  })

  test('tells what went through it', async () => {
    const { edge } = await start()
    await edge.replace({
      ...state(),
      routes: [...state().routes, buildServiceRoute('dead', 'http://127.0.0.1:9')],
    })
    const statuses = []
    for (const path of ['/user/alice/', '/user/bob/', '/services/dead/'])
      statuses.push((await get(edge, path, 'secret')).status)
    assert.deepEqual(statuses, [200, 424, 503])
    const counts = await waitFor('all to be counted', async () => {
      const status = await edge.status()
      return status.requests === 3 && status
    })
    assert.equal(counts.failedRequests, 1)
    assert.ok(counts.requestSeconds > 0 && counts.requestSeconds < 60)
    assert.ok(counts.cpuSeconds > 0)
  })

  test('that was killed is started again at the next look, asks for its state, and serves it', async () => {
    const taken = await freePort()
    const { edge, kill } = await start({ port: taken })
    await edge.replace(state())
    const reset = new Promise<void>((resolve) => void edge.onReset(resolve))
    await kill()
    // Pushed while nobody is there: live when it resolves all the same.
    const pushed = edge.apply([{ type: 'route-put', route: buildServiceRoute('stats', upstream.target) }])
    await reset
    await edge.replace(state())
    await pushed
    assert.equal(await getUpstream(edge, '/user/alice/', 'secret'), 'upstream')
    assert.equal(await getUpstream(edge, '/services/stats/'), 'upstream')
  })

  test('says which port is taken, and what to do', async () => {
    const holder = createTcpServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as { port: number }
    await assert.rejects(startTestEdgeProcess({ port }), (error) => {
      assert.ok(error instanceof EdgeStartError)
      assert.equal(error.code, 'EADDRINUSE')
      assert.match(error.message, new RegExp(`Port ${port} is in use .*--port`))
      return true
    })
    holder.close()
  })

  test('moves when its port is changed', async () => {
    const first = await start()
    const port = await freePort()
    const hello = await ensureEdgeProcess({ ...first.config, port }, first.files)
    assert.equal(hello.port, port)
    assert.equal(hello.isEmpty, true)
  })

  test('finishes what it was answering when it is stopped, and ends websockets', async () => {
    const slow = await startUpstream('slow', {
      respond: (_request, response) => {
        response.write('first ')
        setTimeout(() => response.end('last'), 300)
      },
    })
    const { edge } = await start()
    await edge.replace({ ...state(), routes: [...state().routes, buildServiceRoute('slow', slow.target)] })
    const websocket = await openWebsocket(edge.publicUrl, websocketPath)
    const response = await fetch(`${edge.publicUrl}/services/slow/`)
    const { pid } = await edge.status()
    await edge.close()
    process.kill(pid, 'SIGTERM')
    await websocket.closed
    assert.equal(await response.text(), 'first last')
    await waitFor('its end', () => !isAlive(pid))
    await slow.kill()
  })
})

describe('several control planes', () => {
  test('may push to one edge; one whose lease is over may not', async () => {
    const { edge, connect: connectAgain } = await start()
    await edge.replace(state())
    const leader = await connectAgain({ fence: 7 })
    await leader.replace(state())
    const former = await connectAgain({ fence: 6 })
    const isLeaseLost = (error: unknown) => isPlatformError(error, 'lease_lost')
    await assert.rejects(former.apply([{ type: 'route-delete', prefix: '/user/alice/' }]), isLeaseLost)
    await assert.rejects(former.replace({ ...state(), routes: [] }), isLeaseLost)
    assert.equal(await getUpstream(edge, '/user/alice/', 'secret'), 'upstream')
    await leader.apply([{ type: 'route-delete', prefix: '/user/alice/' }])
  })

  test('start one edge when they start at the same time', async () => {
    const port = await freePort()
    const first = await start({ port })
    await first.kill()
    const hellos = await Promise.all([1, 2, 3].map(() => ensureEdgeProcess(first.config, first.files)))
    assert.equal(new Set(hellos.map(({ pid }) => pid)).size, 1)
  })
})

describe('an edge that hands over', () => {
  test('loses no request and no websocket, and its successor knows all it knew', async () => {
    const { edge } = await start({ port: await freePort() })
    await edge.replace(state())
    const { pid } = await edge.status()
    const websocket = await openWebsocket(edge.publicUrl, websocketPath)
    let isDone = false
    const statuses = new Map<number, number>()
    const load = Array.from({ length: 4 }, async () => {
      while (!isDone) {
        const { status } = await get(edge, '/user/alice/', 'secret', { connection: 'close' })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    await edge.handOver()
    await edge.apply([{ type: 'route-put', route: buildServiceRoute('stats', upstream.target) }])
    assert.notEqual((await edge.status()).pid, pid)
    assert.equal(await getUpstream(edge, '/services/stats/'), 'upstream')
    isDone = true
    await Promise.all(load)
    assert.deepEqual([...statuses.keys()], [200])
    websocket.sendText('still here')
    assert.equal((await websocket.nextFrame()).payload.toString(), 'still here')
    websocket.close()
    await waitFor('the predecessor to end', () => !isAlive(pid))
  })

  test('still learns of revocation, and tells of the use of its websockets', async () => {
    const { edge } = await start()
    await edge.replace(state())
    const first = await openWebsocket(edge.publicUrl, websocketPath)
    await edge.handOver()
    const counts: number[] = []
    edge.onReport((report: EdgeReport) =>
      counts.push(...report.routes.map(({ openWebsockets }) => openWebsockets)),
    )
    first.sendText('used')
    await waitFor('a report', () => counts.includes(1))
    const second = await openWebsocket(edge.publicUrl, websocketPath)
    await waitFor('both to be counted', () => counts.includes(2))
    await edge.apply([{ type: 'credential-delete', hash: buildCredential('secret', []).hash }])
    await Promise.all([first.closed, second.closed])
    await waitFor('none to be counted', () => counts.at(-1) === 0)
  })

  test('takes the settings that are on disk', async () => {
    const { edge, config, files } = await start({ port: await freePort() })
    await edge.replace(state())
    const websocket = await openWebsocket(edge.publicUrl, websocketPath)
    const changed = { ...config, trustedProxies: ['127.0.0.1'] }
    const hello = await ensureEdgeProcess(changed, files)
    assert.equal(hello.isEmpty, false)
    const response = await get(edge, '/user/alice/', 'secret', { 'x-forwarded-for': '6.6.6.6' })
    const seen = (await response.json()) as { headers: Record<string, string> }
    assert.equal(seen.headers['x-forwarded-for'], '6.6.6.6, 127.0.0.1')
    websocket.sendText('still here')
    await websocket.nextFrame()
    websocket.close()
  })

  test('serves on when no successor comes up', async () => {
    const { edge, files, readLog } = await start()
    await edge.replace(state())
    const before = await edge.status()
    const good = readFileSync(files.configPath)
    writeFileSync(files.configPath, '{"port": "none"}')
    await assert.rejects(edge.handOver(), (error) => isPlatformError(error, 'internal'))
    writeFileSync(files.configPath, good)
    assert.equal((await edge.status()).pid, before.pid)
    assert.equal(await getUpstream(edge, '/user/alice/', 'secret'), 'upstream')
    process.kill(before.pid, 'SIGHUP')
    await waitFor('the successor', () => readLog().includes('a successor serves'))
    assert.notEqual((await edge.status()).pid, before.pid)
  })

  test('cuts its websockets when no edge is left that could revoke them', async () => {
    const { edge } = await start({ times: { orphanMs: 300 } })
    await edge.replace(state())
    const { pid } = await edge.status()
    const websocket = await openWebsocket(edge.publicUrl, websocketPath)
    await edge.handOver()
    const successor = await edge.status()
    assert.notEqual(successor.pid, pid)
    await edge.close()
    process.kill(successor.pid, 'SIGKILL')
    await websocket.closed
    await waitFor('its end', () => !isAlive(pid))
  })
})

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
