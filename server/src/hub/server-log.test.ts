import assert from 'node:assert/strict'
import { test } from 'node:test'

import { followLog } from './server-log.ts'

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

test('a log is cut between characters, and each part says where the next begins', async () => {
  const text = 'a ü € 🚀 z'
  const bytes = Buffer.from(text)
  for (const size of [1, 2, 3, 5, 100]) {
    let read = ''
    let end = 7
    for await (const { id, data } of followLog(inPieces(bytes, size), 7)) {
      read += data.text
      end += Buffer.byteLength(data.text)
      assert.equal(Number(id), end)
    }
    assert.equal(read, text)
  }
})

test('bytes that are no text are shown as such', async () => {
  const parts = []
  for await (const part of followLog(inPieces(Buffer.from([0x61, 0xff, 0xe2, 0x82]), 4), 0)) parts.push(part)
  assert.equal(parts.map(({ data }) => data.text).join(''), 'a\ufffd\ufffd')
  assert.equal(parts.at(-1)?.id, '4')
})
