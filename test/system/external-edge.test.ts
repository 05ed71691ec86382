import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'

import { connectBySharedKey, deriveSharedKey } from '@atrium/server/platform/shared-key-tls.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { runCli } from '../support/platform.ts'
import { trivialServer } from '../support/servers.ts'
import { listKeys, probe, type SpreadPlatform, startSpreadPlatform } from '../support/spread-platform.ts'

/** As an attacker writes it, who wants to come as somebody else and see who does. */
const attack = [
  'GET /hub/api/ HTTP/1.1',
  'Host: 127.0.0.1',
  'X-Forwarded-For: 10.0.0.1',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-User: admin',
  'Connection: close',
  '\r\n',
].join('\r\n')

describe('edges and control planes that do not start one another', () => {
  let platform: SpreadPlatform
  before(async () => {
    platform = await startSpreadPlatform({ servers: { command: trivialServer, idle: { stop: false } } })
  })
  after(() => platform.dispose())

  async function ask(method: string, path: string): Promise<Response> {
    return fetch(`${platform.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await platform.adminToken()}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: '{}' } : {}),
    })
  }

  test('a server is started and reached through the edge', async () => {
    assert.equal((await ask('POST', '/hub/api/users/alice')).status, 201)
    assert.ok((await ask('POST', '/hub/api/users/alice/server')).status < 300)
    const answer = await waitFor('alice’s server', async () => {
      const response = await ask('GET', '/user/alice/')
      return response.status === 200 ? response : undefined
    })
    assert.equal(await answer.text(), 'ok')
  })

  test('given keys are read, none is made beside them, and the command line has its token from them', async () => {
    assert.deepEqual(await listKeys(platform), ['edge.key', 'sealing.key'])
    const { code, stdout } = await runCli(['user', 'list', '--data', platform.data])
    assert.equal(code, 0)
    assert.match(stdout, /alice/)
  })

  test('the way in for the first administrator is asked for, and in no log', async () => {
    assert.doesNotMatch(platform.controlPlane.output(), /signInLink|invitation/)
    const { stdout } = await runCli(['user', 'invite', 'bob', '--admin', '--data', platform.data])
    const [link = ''] = /http\S+/.exec(stdout) ?? []
    assert.equal((await fetch(link)).status, 200)
  })

  test('whoever has not the key gets no answer of a control plane', async () => {
    const address = { host: '127.0.0.1', port: platform.ports.controlPlane }
    const right = deriveSharedKey(platform.key, 'requests to control planes')
    assert.match(await send(connectBySharedKey(address, right)), /^HTTP\/1.1 200 /, 'an edge is answered')
    for (const [who, open] of [
      ['plain HTTP', () => connectTcp(address)],
      ['TLS without a key', () => connectTls({ ...address, rejectUnauthorized: false })],
      ['another key', () => connectBySharedKey(address, deriveSharedKey(randomBytes(32), right.identity))],
      [
        'the key of edges',
        () => connectBySharedKey(address, deriveSharedKey(platform.key, 'steering of edges')),
      ],
      ['the name alone', () => connectBySharedKey(address, { ...right, secret: Buffer.alloc(32) })],
    ] as const)
      assert.equal(await send(open()), '', who)
  })

  test('the port for probes says only whether it is ready', async () => {
    const { controlPlaneHealth: port } = platform.ports
    for (const [path, method, status] of [
      ['/healthz', 'GET', 200],
      ['/readyz', 'GET', 200],
      ['/hub/api/', 'GET', 404],
      ['/hub/api/shutdown', 'POST', 405],
    ] as const)
      assert.equal(await probe(port, path, method), status, path)
  })

  test('a control plane that is restarted under load loses no request, whatever it was', async () => {
    const load = startLoad(ask)
    await waitFor('the load', () => load.answered() > 20)
    await platform.controlPlane.end('SIGTERM')
    await platform.startControlPlane()
    const restarted = load.answered()
    await waitFor('answers of the new one', () => load.answered() > restarted + 20, { deadlineMs: 60_000 })
    assert.deepEqual(await load.stop(), [])
  })

  test('one that is killed is waited for, and the server it had started is still there', async () => {
    await platform.controlPlane.end('SIGKILL')
    const waiting = ask('GET', '/hub/api/users/alice')
    assert.equal(await (await ask('GET', '/user/alice/')).text(), 'ok')
    await platform.startControlPlane()
    assert.equal((await waiting).status, 200)
  })

  test('an edge that is killed is filled by itself when it is back', async () => {
    await platform.edge.end('SIGKILL')
    await platform.startEdge()
    await waitFor('it to be filled', async () => (await probe(platform.ports.edgeHealth, '/readyz')) === 200)
    assert.equal(await (await ask('GET', '/user/alice/')).text(), 'ok')
  })
})

/** Sends an attack and answers what comes back, for as long as anything does. */
async function send(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString()
  })
  socket.on('error', () => undefined)
  socket.write(attack)
  await new Promise((resolve) => socket.on('close', resolve))
  return text
}

/** Some clients that read and write all the time; answers what failed. */
function startLoad(ask: (method: string, path: string) => Promise<Response>) {
  let isOver = false
  let answered = 0
  const failures: string[] = []
  const work = async (client: number) => {
    for (let index = 0; !isOver; index++) {
      const [method, path] =
        index % 2 === 0
          ? ['POST', `/hub/api/users/load-${client}-${index}`]
          : ['GET', '/hub/api/users?limit=1']
      const answer = await ask(method as string, path as string).catch((error: Error) => error)
      if (answer instanceof Error) failures.push(`${method} ${path}: ${answer.message} ${answer.cause}`)
      else {
        if (answer.status >= 300) failures.push(`${method} ${path}: ${answer.status} ${await answer.text()}`)
        else await answer.body?.cancel()
        answered += 1
      }
    }
  }
  const done = Promise.all([0, 1, 2, 3].map(work))
  return {
    answered: () => answered,
    async stop() {
      isOver = true
      await done
      return failures
    },
  }
}
