import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PieceMemory } from './piece-memory.ts'

const slabBytes = 64 * 1024

test('a copy keeps its bytes until it was written, whatever its size', () => {
  const memory = new PieceMemory(slabBytes)
  for (const length of [1, 20_000, slabBytes, slabBytes + 1]) {
    const piece = Buffer.alloc(length, 'a')
    const first = memory.copy(piece)
    const second = memory.copy(Buffer.alloc(length, 'b'))
    piece.fill('x')
    assert.ok(first.bytes.equals(Buffer.alloc(length, 'a')))
    second.onWritten()
    memory.copy(Buffer.alloc(length, 'c'))
    assert.ok(first.bytes.equals(Buffer.alloc(length, 'a')))
  }
})

test('memory is used again, and only once at a time', () => {
  const memory = new PieceMemory(slabBytes)
  const piece = Buffer.alloc(slabBytes)
  const first = memory.copy(piece)
  first.onWritten()
  first.onWritten()
  const second = memory.copy(piece)
  assert.equal(second.bytes.buffer, first.bytes.buffer)
  assert.notEqual(memory.copy(piece).bytes.buffer, first.bytes.buffer)
})
