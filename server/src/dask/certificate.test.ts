import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'

import { createCertificate } from './certificate.ts'

const names = ['daskgateway-0123456789abcdef0123456789abcdef', 'dask-internal']

test('a certificate is for its names and its key, signed by itself, and no authority over others', async () => {
  const nowMs = Date.parse('2026-11-26T12:00:00Z')
  const { certificate, key } = await createCertificate(names, nowMs)
  const parsed = new X509Certificate(certificate)
  assert.equal(parsed.subjectAltName, names.map((name) => `DNS:${name}`).join(', '))
  assert.ok(parsed.checkPrivateKey(createPrivateKey(key)))
  assert.ok(parsed.verify(parsed.publicKey))
  assert.equal(parsed.ca, false)
  assert.deepEqual(parsed.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.equal(Date.parse(parsed.validFrom), nowMs - 86_400_000)
  assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.equal(parsed.checkHost('daskgateway-ffffffffffffffffffffffffffffffff'), undefined)
})

test('years from 2050 on are written as they must be', async () => {
  const { certificate } = await createCertificate(names, Date.parse('2045-06-01T00:00:00Z'))
  assert.equal(new X509Certificate(certificate).validToDate.getUTCFullYear(), 2055)
})

test('no two are alike', async () => {
  const [a, b] = await Promise.all([createCertificate(names, 0), createCertificate(names, 0)])
  assert.notEqual(
    new X509Certificate(a.certificate).serialNumber,
    new X509Certificate(b.certificate).serialNumber,
  )
  assert.notEqual(a.key, b.key)
})

test('who has it talks to who has it, and to nobody else', async (t) => {
  const [ours, others] = await Promise.all([
    createCertificate(names, Date.now()),
    createCertificate(names, Date.now()),
  ])
  const server = createServer({
    cert: ours.certificate,
    key: ours.key,
    ca: ours.certificate,
    requestCert: true,
  })
  server.on('secureConnection', (socket: TLSSocket) => socket.end('hello'))
  server.on('tlsClientError', () => {})
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const talk = async ({ certificate, key }: { certificate: string; key: string }) => {
    const options = { host: '127.0.0.1', port, servername: names[0] }
    const socket = connect({ ...options, ca: ours.certificate, cert: certificate, key })
    try {
      let said = ''
      for await (const data of socket) said += data
      return said
    } finally {
      socket.destroy()
    }
  }
  assert.equal(await talk(ours), 'hello')
  assert.notEqual(await talk(others).catch(() => 'refused'), 'hello')
})
