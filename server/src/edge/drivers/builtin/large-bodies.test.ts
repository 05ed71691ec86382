import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { startTestEdgeProcess, type TestEdgeProcess } from './test-edge-process.ts'

const mebibyte = 1024 * 1024
/** Neither compressible nor the same twice in a row. */
const block = randomBytes(mebibyte)

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.setHeader('content-type', 'application/octet-stream')
    await pipeline(Readable.from(generate(128)), response)
    return
  }
  response.end(JSON.stringify(await digest(request)))
})
let edge: TestEdgeProcess

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  edge = await startTestEdgeProcess()
  const routes = [buildServiceRoute('big', `http://127.0.0.1:${port}`)]
  await edge.edge.replace({ routes, tunnels: [], credentials: [], controlPlanes: [] })
})
after(async () => {
  await edge.dispose()
  server.close()
  server.closeAllConnections()
})

function* generate(mebibytes: number): Generator<Buffer> {
  for (let index = 0; index < mebibytes; index += 1) {
    block.writeUInt32BE(index)
    yield Buffer.from(block)
  }
}

async function digest(stream: AsyncIterable<Buffer>): Promise<{ bytes: number; hash: string }> {
  const hash = createHash('sha1')
  let bytes = 0
  for await (const piece of stream) {
    hash.update(piece)
    bytes += piece.length
  }
  return { bytes, hash: hash.digest('hex') }
}

function expected(mebibytes: number): Promise<{ bytes: number; hash: string }> {
  return digest(Readable.from(generate(mebibytes)))
}

for (const [what, headers] of [
  ['of known length', { 'content-length': 1024 * mebibyte }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
] as const) {
  test(`an upload of 1 GiB ${what} arrives whole and is not kept in memory`, async () => {
    const upload = httpRequest(`${edge.edge.publicUrl}/services/big/`, { method: 'PUT', headers })
    const answered = once(upload, 'response')
    await pipeline(Readable.from(generate(1024)), upload)
    const [response] = (await answered) as [IncomingMessage]
    assert.deepEqual(JSON.parse((await response.toArray()).join('')), await expected(1024))
    const { rssBytes } = await edge.edge.status()
    assert.ok(rssBytes < 300 * mebibyte, `${Math.round(rssBytes / mebibyte)} MiB`)
  })
}

test('a download of 128 MiB arrives whole', async () => {
  const response = await fetch(`${edge.edge.publicUrl}/services/big/`)
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
  assert.deepEqual(await digest(body as AsyncIterable<Buffer>), await expected(128))
})
