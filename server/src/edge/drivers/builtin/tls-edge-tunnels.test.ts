import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { cut } from '#edge/conformance/test-client-hello.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { connectTls, makeCertificate, startTlsEcho, type TlsUpstream } from '#edge/conformance/tls-peer.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

const get = 'GET /services/stats/ HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n'

let folder: string
let upstream: TestUpstream
let behind: TlsUpstream
let edge: TestEdgeServer

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atrium-tls-'))
  const { cert, key } = makeCertificate('platform')
  const tls = { certificate: join(folder, 'crt'), key: join(folder, 'key') }
  writeFileSync(tls.certificate, cert)
  writeFileSync(tls.key, key)
  upstream = await startUpstream('stats')
  behind = await startTlsEcho('one')
  const tunnels = [{ serverName: 'one', target: behind.target, data: {} }]
  edge = await startTestEdge(
    { routes: [buildServiceRoute('stats', upstream.target)], tunnels },
    { tls, times: { headerTimeoutMs: 300 } },
  )
})
after(async () => {
  await edge.dispose()
  await upstream.kill()
  await behind.kill()
  rmSync(folder, { recursive: true })
})

/** Opens a connection to the platform itself. */
function open(options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port: edge.port, host: '127.0.0.1', rejectUnauthorized: false, ...options },
      () => resolve(socket),
    )
    socket.on('error', reject)
  })
}

async function ask(socket: TLSSocket): Promise<string> {
  socket.write(get)
  return text(socket)
}

test('a tunnel goes through a port that speaks TLS itself', async () => {
  const peer = await connectTls(edge.url, 'one')
  assert.equal(peer.commonName, 'one')
  assert.equal(await peer.echo('hello'), 'hello')
  peer.socket.destroy()
})

for (const [what, options] of [
  ['another name', { servername: 'platform.example.org' }],
  ['no name', {}],
  ['TLS 1.2', { servername: 'two', maxVersion: 'TLSv1.2' }],
] as const) {
  test(`TLS with ${what} is the platform's, with its certificate and protocols`, async () => {
    const socket = await open({ ...options, ALPNProtocols: ['h2', 'http/1.1'] })
    assert.equal(socket.getPeerCertificate().subject.CN, 'platform')
    assert.equal(socket.alpnProtocol, 'http/1.1')
    const answer = await ask(socket)
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*"x-forwarded-for":"127\.0\.0\.1"/)
    assert.match(answer, /"x-forwarded-proto":"https"/)
  })
}

test("the platform's own TLS may come byte by byte", async () => {
  const raw = edge.connect()
  const { Duplex } = await import('node:stream')
  const slow = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      void (async () => {
        for (const piece of cut(chunk, 1)) {
          raw.write(piece)
          await new Promise(setImmediate)
        }
        done()
      })()
    },
  })
  raw.on('data', (piece: Buffer) => slow.push(piece))
  raw.on('end', () => slow.push(null))
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const made = connect({ socket: slow, servername: 'two', rejectUnauthorized: false }, () => resolve(made))
    made.on('error', reject)
  })
  assert.match(await ask(socket), /^HTTP\/1\.1 200 /)
})

test('TLS that makes no sense is answered by the platform, and silence by nobody', async () => {
  const nonsense = edge.connect()
  nonsense.write('\x16\x03\x01\x00\x05nonsense')
  const [record] = await buffer(nonsense)
  assert.equal(record, 21, 'an alert')
  assert.equal(await text(edge.connect()), '')
  assert.match(await edge.send(get), /^HTTP\/1\.1 400 [\s\S]*https:\/\//)
})

test('without tunnels nothing of it is looked at', async () => {
  edge.server.apply([{ type: 'tunnel-delete', serverName: 'one' }])
  const socket = await open({ servername: 'one' })
  assert.equal(socket.getPeerCertificate().subject.CN, 'platform')
  assert.match(await ask(socket), /^HTTP\/1\.1 200 /)
})
