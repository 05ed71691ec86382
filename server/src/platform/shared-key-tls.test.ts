import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  connect,
  createServer,
  getCACertificates,
  type Server,
  setDefaultCACertificates,
  type TlsOptions,
} from 'node:tls'

import { buildSharedKeyServerOptions, connectBySharedKey, deriveSharedKey } from './shared-key-tls.ts'

const key = randomBytes(32)
const ours = deriveSharedKey(key, 'steering of edges')

async function listen(options: TlsOptions): Promise<Server & { port: number }> {
  const server = createServer(options, (socket) => {
    socket.on('error', () => undefined)
    socket.end('welcome')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { port: (server.address() as AddressInfo).port })
}

/** What comes over a connection until it ends; the error's words if it fails. */
async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString()
  })
  socket.on('error', (error) => {
    text += `error: ${error.message}`
  })
  await new Promise((resolve) => socket.on('close', resolve))
  return text
}

describe('connections by a shared key', () => {
  test('come up between those who have it, with keys of their own for each', async (t) => {
    const server = await listen(buildSharedKeyServerOptions(ours))
    t.after(() => server.close())
    const secured = once(server, 'secureConnection')
    assert.equal(await readAll(connectBySharedKey({ host: '127.0.0.1', port: server.port }, ours)), 'welcome')
    const [socket] = await secured
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    assert.deepEqual(deriveSharedKey(key, 'steering of edges'), ours)
  })

  test('do not come up with another key, or with one for another purpose', async (t) => {
    const server = await listen(buildSharedKeyServerOptions(ours))
    t.after(() => server.close())
    const other = deriveSharedKey(key, 'requests to control planes')
    for (const wrong of [
      deriveSharedKey(randomBytes(32), 'steering of edges'),
      other,
      { ...other, identity: ours.identity },
    ])
      assert.match(
        await readAll(connectBySharedKey({ host: '127.0.0.1', port: server.port }, wrong)),
        /^error/,
      )
  })

  test('do not come up for who offers any other way', async (t) => {
    const server = await listen(buildSharedKeyServerOptions(ours))
    t.after(() => server.close())
    for (const minVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = connect({
        ...{ host: '127.0.0.1', port: server.port, rejectUnauthorized: false },
        ...{ minVersion, maxVersion: minVersion },
      })
      assert.match(await readAll(socket), /^error/)
    }
  })

  test('are refused with a server that has a certificate everybody trusts, and not the key', async (t) => {
    const certificate = makeCertificate('127.0.0.1')
    const server = await listen(certificate)
    t.after(() => server.close())
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, certificate.cert.toString()])
    t.after(() => setDefaultCACertificates(before))
    const address = { host: '127.0.0.1', port: server.port }
    assert.equal(await readAll(connect({ ...address })), 'welcome', 'the certificate is trusted')
    assert.match(await readAll(connectBySharedKey(address, ours)), /^error: the other end has a certificate/)
  })
})

function makeCertificate(address: string): { cert: Buffer; key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-certificate-'))
  const [cert, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  try {
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ],
        ...['-subj', '/CN=test', '-addext', `subjectAltName=IP:${address}`, '-keyout', keyFile, '-out', cert],
      ],
      { stdio: 'ignore' },
    )
    return { cert: readFileSync(cert), key: readFileSync(keyFile) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
