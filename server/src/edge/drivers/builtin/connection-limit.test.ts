import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { startUpstream } from '#edge/conformance/test-upstream.ts'
import { waitFor } from '#platform/wait-for.ts'
import { createBuiltinEdge } from './builtin-edge.ts'

const get = 'GET /services/stats/ HTTP/1.1\r\nHost: a\r\n\r\n'

/** The status line of the answer; empty when the connection ends without one. */
function ask(socket: Socket): Promise<string> {
  socket.write(get)
  return new Promise((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1', 0, 12)))
    socket.once('close', () => resolve(''))
  })
}

test('clients that take every connection there is do not cut off those who are in', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-limit-'))
  const controlSocketPath = join(folder, 'edge.sock')
  const configPath = join(folder, 'edge.json')
  writeFileSync(configPath, JSON.stringify({ port: 0, controlSocketPath }))
  const program = fileURLToPath(import.meta.resolve('#main/edge.ts'))
  const upstream = await startUpstream('upstream')
  const child = spawn('sh', ['-c', 'ulimit -n 100 && exec "$@"', 'sh', process.execPath, program, configPath])
  const crowd: Socket[] = []
  t.after(async () => {
    for (const socket of crowd) socket.destroy()
    child.kill('SIGKILL')
    await upstream.kill()
    rmSync(folder, { recursive: true })
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { port } = (JSON.parse(line.toString()) as { ready: { port: number } }).ready
  const edge = await createBuiltinEdge({
    controlSocketPath,
    fence: () => 0,
    ensureRunning: () => Promise.resolve(),
    log: { info: () => undefined, warn: () => undefined },
  })
  const routes = [buildServiceRoute('stats', upstream.target)]
  await edge.replace({ routes, tunnels: [], credentials: [], controlPlanes: [] })

  const open = () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
  const early = open()
  assert.equal(await ask(early), 'HTTP/1.1 200')
  for (let index = 0; index < 200; index += 1) crowd.push(open())
  await waitFor('the limit', () => crowd.filter(({ closed }) => closed).length > 150)
  const inside = crowd.filter(({ closed }) => !closed)
  assert.deepEqual(new Set(await Promise.all([early, ...inside].map(ask))), new Set(['HTTP/1.1 200']))
  assert.equal((await edge.status()).routes, 1)
  for (const socket of crowd) socket.destroy()
  await waitFor('room', () => ask(open()))
  early.destroy()
  await edge.close()
})
