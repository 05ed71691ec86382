import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { buildCredential, buildServerRoute, emptyState, get } from '#edge/conformance/conformance-site.ts'
import { startUpstream } from '#edge/conformance/test-upstream.ts'
import { connectTls, startTlsEcho, type TlsUpstream } from '#edge/conformance/tls-peer.ts'
import { openWebsocket } from '#edge/conformance/websocket-peer.ts'
import type { EdgeState } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { EdgeConfig } from './edge-config.ts'
import { startTestEdgeProcess, type TestEdgeProcess } from './test-edge-process.ts'

let behind: TlsUpstream
let started: TestEdgeProcess

beforeEach(async () => {
  behind = await startTlsEcho('one')
})
afterEach(async () => {
  // A run of what failed before passes over the others, which then start none.
  await started?.dispose()
  await behind.kill()
})

async function start(overrides: Partial<EdgeConfig> = {}) {
  started = await startTestEdgeProcess(overrides)
  await started.edge.replace(state())
  return started
}

function state(): EdgeState {
  return { ...emptyState, tunnels: [{ serverName: 'one', target: behind.target, data: {} }] }
}

describe('tunnels of an edge process', () => {
  test('survive its successor, which has them too', async () => {
    const { edge } = await start()
    const { pid } = await edge.status()
    const old = await connectTls(edge.publicUrl, 'one')
    assert.equal((await edge.status()).openTunnels, 1)
    await edge.handOver()
    assert.equal(await old.echo('still here'), 'still here')
    const young = await connectTls(edge.publicUrl, 'one')
    const { tunnels, openTunnels } = await edge.status()
    assert.deepEqual([tunnels, openTunnels], [1, 1])
    old.socket.destroy()
    await waitFor('the predecessor to end', () => !isAlive(pid))
    assert.equal(await young.echo('still here'), 'still here')
    young.socket.destroy()
  })

  test('end in its predecessor too when they are taken away', async () => {
    const { edge } = await start()
    const old = await connectTls(edge.publicUrl, 'one')
    await edge.handOver()
    await edge.apply([{ type: 'tunnel-delete', serverName: 'one' }])
    await old.closed
  })

  test('outlast websockets in its predecessor: a computation may rest on one', async () => {
    const upstream = await startUpstream('alice')
    const { edge } = await start({ times: { handoverMs: 1 } })
    await edge.replace({
      ...state(),
      routes: [buildServerRoute('alice', upstream.target)],
      credentials: [buildCredential('secret', '*')],
    })
    const old = await connectTls(edge.publicUrl, 'one')
    const websocket = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
    await edge.handOver()
    await websocket.closed
    assert.equal(await old.echo('still here'), 'still here')
    old.socket.destroy()
    await upstream.kill()
  })

  test('end at once when it is killed, and are there again after it was told of them', async () => {
    const { edge, kill } = await start()
    const old = await connectTls(edge.publicUrl, 'one')
    const reset = new Promise<void>((resolve) => void edge.onReset(resolve))
    await kill()
    await old.closed
    await waitFor('the other end', () => behind.sockets.size === 0)
    await reset
    // Held until it knows where it leads.
    const young = connectTls(edge.publicUrl, 'one')
    await edge.replace(state())
    assert.equal(await (await young).echo('again'), 'again')
    ;(await young).socket.destroy()
    assert.equal((await get(edge, '/user/alice/')).status, 403)
  })

  test('end when it is stopped', async () => {
    const { edge } = await start()
    const old = await connectTls(edge.publicUrl, 'one')
    process.kill((await edge.status()).pid, 'SIGTERM')
    await old.closed
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
