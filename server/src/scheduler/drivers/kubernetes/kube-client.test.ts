import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'

import { createKubeClient } from './kube-client.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that gives these answers in turn, the last one for ever, and how often it was asked. */
async function serve(t: TestContext, answers: Answer[]) {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = mkdtempSync(join(tmpdir(), 'kube-client-'))
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })
  const kubeconfig = join(folder, 'config')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const write = (token: string) => writeFileSync(kubeconfig, JSON.stringify(buildConfig(address, token)))
  write('first')
  return { asked, write, kubeconfig, client: createKubeClient({ kubeconfig, callTimeoutMs: 20_000 }) }
}

function buildConfig(server: string, token: string): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'c', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
  }
}

const say =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const signal = () => AbortSignal.timeout(60_000)

describe('calls to the API server', () => {
  test('wait as long as it asks for when it is overloaded, and are made again', async (t) => {
    const busy = say(429, { message: 'too many requests' }, { 'retry-after': '1' })
    const { client, asked } = await serve(t, [busy, busy, say(200, { fine: true })])
    const began = performance.now()
    assert.deepEqual(await client.call('POST', '/x', { body: {}, signal: signal() }), { fine: true })
    assert.equal(asked.length, 3)
    assert.ok(performance.now() - began >= 2000)
  })

  test('read the kubeconfig anew when they are not known any more, once', async (t) => {
    const { client, asked, write } = await serve(t, [
      say(200, {}),
      say(401, { message: 'expired' }),
      say(200, { fine: true }),
      say(401, { message: 'expired' }),
    ])
    await client.call('GET', '/x', { signal: signal() })
    write('second')
    assert.deepEqual(await client.call('GET', '/x', { signal: signal() }), { fine: true })
    assert.deepEqual(asked, ['Bearer first', 'Bearer second', 'Bearer second'])
    await assert.rejects(client.call('GET', '/x', { signal: signal() }), {
      code: 'scheduler_unavailable',
      message: /does not know us \(any more\): expired/,
    })
    assert.equal(asked.length, 5)
  })

  test('go on with what was known while the kubeconfig is being written', async (t) => {
    const { client, asked, kubeconfig } = await serve(t, [say(200, {})])
    await client.call('GET', '/x', { signal: signal() })
    writeFileSync(kubeconfig, '{"apiVersion": "v1", "clus')
    await client.call('GET', '/x', { signal: signal() })
    assert.equal(asked.length, 2)
  })
})
