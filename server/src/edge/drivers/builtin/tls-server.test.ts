import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { waitFor } from '#platform/wait-for.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

let folder: string
let tls: { certificate: string; key: string }
let upstream: TestUpstream
let edge: TestEdgeServer

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atrium-tls-'))
  tls = makeCertificate('first')
  upstream = await startUpstream('upstream')
  edge = await startTestEdge({ routes: [buildServiceRoute('stats', upstream.target)] }, { tls })
})
after(async () => {
  await edge.dispose()
  await upstream.kill()
  rmSync(folder, { recursive: true })
})

function makeCertificate(name: string): { certificate: string; key: string } {
  const certificate = join(folder, `${name}.crt`)
  const key = join(folder, `${name}.key`)
  const keyType = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync(
    'openssl',
    ['req', '-x509', ...keyType, '-keyout', key, '-out', certificate, '-subj', `/CN=${name}`, '-days', '2'],
    {
      stdio: 'ignore',
    },
  )
  return { certificate, key }
}

/** Sends a request over TLS; answers with the certificate's name and the response. */
function ask(): Promise<{ name: string; text: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: edge.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      const name = socket.getPeerCertificate().subject.CN as string
      let text = ''
      socket.on('data', (piece: Buffer) => {
        text += piece.toString()
      })
      socket.on('end', () => resolve({ name, text }))
      socket.write('GET /services/stats/ HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n')
    })
    socket.on('error', reject)
  })
}

test('serves over TLS, and tells upstreams so', async () => {
  const { name, text } = await ask()
  assert.equal(name, 'first')
  assert.match(text, /"x-forwarded-proto":"https","x-forwarded-port":"443"/)
})

test('tells who speaks plain HTTP to speak TLS', async () => {
  assert.match(await edge.send('GET / HTTP/1.1\r\nHost: edge\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*https:\/\//)
  assert.equal(await edge.send('\x16nonsense\r\n\r\n').catch(() => ''), '')
})

test('takes a renewed certificate without a restart', async () => {
  const renewed = makeCertificate('renewed')
  renameSync(renewed.key, tls.key)
  renameSync(renewed.certificate, tls.certificate)
  await waitFor('the new certificate', async () => (await ask()).name === 'renewed', { everyMs: 200 })
})
