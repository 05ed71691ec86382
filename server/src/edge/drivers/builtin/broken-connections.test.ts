import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge } from './test-edge-server.ts'

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Answers everything, two connections at first only once both are there; those that are open when it is killed are reset when used. */
function createMortalUpstream() {
  const open = new Set<Socket>()
  const waiting: Socket[] = []
  let dead = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => {
      if (dead.has(socket)) socket.destroy()
      else if (dead.size > 0) socket.write(answer)
      else {
        waiting.push(socket)
        if (waiting.length === 2) for (const one of waiting.splice(0)) one.write(answer)
      }
    })
  })
  const kill = () => {
    dead = new Set(open)
  }
  return { server, kill, connections: () => open.size }
}

test('one connection that breaks takes the idle ones beside it along: the next request is not lost, too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-broken-'))
  const path = join(folder, 'hub.sock')
  const upstream = createMortalUpstream()
  await new Promise<void>((resolve) => upstream.server.listen(path, resolve))
  const edge = await startTestEdge({ controlPlanes: [`unix:${path}`] })
  t.after(async () => {
    await edge.dispose()
    upstream.server.close()
    rmSync(folder, { recursive: true })
  })
  const ask = (method: string) => fetch(`${edge.url}/hub/`, { method })
  await Promise.all([ask('GET'), ask('GET')])
  await waitFor('two connections', () => upstream.connections() === 2)
  upstream.kill()
  // Nobody knows whether this one was carried out, so it is not sent again.
  assert.equal((await ask('POST')).status, 503)
  assert.equal((await ask('POST')).status, 200)
})
