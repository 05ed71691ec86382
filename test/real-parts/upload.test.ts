import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'

import { request } from 'undici'

import { type Platform, startPlatform } from '../support/platform.ts'

const mebibyte = 1024 * 1024
const pieces = 1024

let platform: Platform
let service: Server

before(async () => {
  service = createServer((incoming, answer) => {
    const hash = createHash('sha256')
    let bytes = 0
    incoming.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      bytes += chunk.length
    })
    incoming.on('end', () => answer.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })))
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  platform = await startPlatform({ config: JSON.stringify({ services: [{ name: 'store', url }] }) })
})
after(async () => {
  service?.closeAllConnections()
  service?.close()
  await platform?.dispose()
})

test('a service behind the edge takes a body of 1 GiB as it streams', async () => {
  const piece = Buffer.alloc(mebibyte, 'atrium')
  const expected = createHash('sha256')
  for (let number = 0; number < pieces; number += 1) expected.update(piece)
  const answer = await request(new URL('/services/store/big', platform.url), {
    method: 'POST',
    headers: { 'content-length': String(pieces * mebibyte) },
    body: Readable.from(
      (function* () {
        for (let number = 0; number < pieces; number += 1) yield piece
      })(),
    ),
  })
  assert.equal(answer.statusCode, 200)
  assert.deepEqual(await answer.body.json(), { bytes: pieces * mebibyte, sha256: expected.digest('hex') })
})
