import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import {
  type ExpectedRequest,
  type ResponseHead,
  ResponseParser,
  ResponseSyntaxError,
} from './response-parser.ts'

interface Read {
  heads: ResponseHead[]
  body: string
  pieces: number
  isComplete: boolean
  canReuse: boolean
  keepAliveMs: number | undefined
}

/** Parses the pieces one after the other, and the end of the stream if `ends`. */
function read(pieces: readonly string[], request: Partial<ExpectedRequest> = {}, ends = false): Read {
  const parser = new ResponseParser({ maxHeadBytes: 1000 })
  const heads: ResponseHead[] = []
  let body = ''
  let bodyPieces = 0
  let isComplete = false
  const sink = {
    onPause: () => undefined,
    onInformation: (head: ResponseHead) => heads.push(head),
    onHead: (head: ResponseHead) => heads.push(head),
    onBody(piece: Buffer, isLast: boolean) {
      assert.equal(isComplete, false, 'nothing comes after the end')
      body += piece.toString('latin1')
      bodyPieces += 1
      isComplete = isLast
    },
  }
  parser.expect(sink, { isHeadRequest: false, isUpgrade: false, ...request })
  for (const piece of pieces) parser.feed(Buffer.from(piece, 'latin1'))
  if (ends) parser.finish()
  const { canReuse, keepAliveMs } = parser
  return { heads, body, pieces: bodyPieces, isComplete, canReuse, keepAliveMs }
}

const ok = 'HTTP/1.1 200 OK\r\n'

describe('reads', () => {
  test('a body of known length', () => {
    const { heads, body, isComplete, canReuse } = read([`${ok}Content-Length: 5\r\nX-A:  b \r\n\r\nhello`])
    assert.equal(heads[0]?.status, 200)
    assert.equal(heads[0]?.reason, 'OK')
    assert.deepEqual(heads[0]?.headers, ['Content-Length', '5', 'X-A', 'b'])
    assert.deepEqual({ body, isComplete, canReuse }, { body: 'hello', isComplete: true, canReuse: true })
  })

  test('a chunked body, its extensions and trailers left out', () => {
    const { heads, body, isComplete, canReuse } = read([
      `${ok}Transfer-Encoding: Chunked\r\n\r\n5;ext="x"\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: y\r\n\r\n`,
    ])
    assert.deepEqual(heads[0]?.headers, [])
    assert.deepEqual({ body, isComplete, canReuse }, { body: 'hello!', isComplete: true, canReuse: true })
  })

  test('chunks that arrive together as one piece', () => {
    const digits = Array.from({ length: 500 }, (_, index) => String(index % 10))
    const { body, pieces, isComplete } = read([
      `${ok}Transfer-Encoding: chunked\r\n\r\n`,
      `${digits.map((digit) => `1\r\n${digit}\r\n`).join('')}7\r\nthe`,
      ' end\r\n0\r\n\r\n',
    ])
    assert.deepEqual(
      { body, pieces, isComplete },
      { body: `${digits.join('')}the end`, pieces: 2, isComplete: true },
    )
  })

  test('a body that ends with the connection', () => {
    const { body, isComplete, canReuse } = read([`${ok}\r\nhello`, ' again'], {}, true)
    assert.deepEqual(
      { body, isComplete, canReuse },
      { body: 'hello again', isComplete: true, canReuse: false },
    )
  })

  for (const [what, response, request] of [
    ['HEAD', `${ok}Content-Length: 5\r\n\r\n`, { isHeadRequest: true }],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', {}],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', {}],
    ['a length of zero', `${ok}Content-Length: 0\r\n\r\n`, {}],
  ] as const) {
    test(`no body after ${what}`, () => {
      const { body, isComplete, canReuse } = read([response], request)
      assert.deepEqual({ body, isComplete, canReuse }, { body: '', isComplete: true, canReuse: true })
    })
  }

  test('no length of what has no body by its status', () => {
    assert.deepEqual(
      read(['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: b\r\n\r\n']).heads[0]?.headers,
      ['X-A', 'b'],
    )
    const interim = 'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n'
    const { heads, body } = read([`${interim}${ok}Content-Length: 2\r\n\r\nok`])
    assert.deepEqual(heads[0]?.headers, [])
    assert.equal(body, 'ok')
  })

  test('interim responses before the final one', () => {
    const { heads } = read([
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}Content-Length: 0\r\n\r\n`,
    ])
    assert.deepEqual(
      heads.map(({ status }) => status),
      [100, 103, 200],
    )
  })

  test('a switch of protocols that was asked for, and whatever follows', () => {
    const { heads, body, isComplete } = read(
      ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00', '\x82\x00'],
      { isUpgrade: true },
    )
    assert.equal(heads[0]?.status, 101)
    assert.deepEqual({ body, isComplete }, { body: '\x81\x00\x82\x00', isComplete: false })
  })

  test('no hop-by-hop headers, those named by Connection included', () => {
    const { heads } = read([
      `${ok}Connection: keep-alive, X-Gone\r\nKeep-Alive: timeout=7\r\nX-Gone: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nX-Stays: 2\r\nContent-Length: 0\r\n\r\n`,
    ])
    assert.deepEqual(heads[0]?.headers, ['X-Stays', '2', 'Content-Length', '0'])
  })

  test('how long the upstream keeps the connection', () => {
    assert.equal(read([`${ok}Keep-Alive: timeout=7, max=100\r\nContent-Length: 0\r\n\r\n`]).keepAliveMs, 7000)
    assert.equal(read([`${ok}Connection: close\r\nContent-Length: 0\r\n\r\n`]).canReuse, false)
    assert.equal(read(['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n']).canReuse, false)
  })

  test('the same, however the bytes arrive', () => {
    const whole = `HTTP/1.1 100 Continue\r\n\r\n${ok}Transfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\nd;x\r\nhello\r\n there\r\n0\r\nT: u\r\n\r\n`
    const { pieces: _, ...expected } = read([whole])
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
        const { pieces: __, ...found } = read(at.slice(1).map((end, index) => whole.slice(at[index], end)))
        assert.deepEqual(found, expected)
      }),
    )
  })
})

describe('refuses', () => {
  for (const [what, response] of [
    ['a length and chunks', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
    ['a list of lengths', `${ok}Content-Length: 5, 5\r\n\r\nhello`],
    ['a signed length', `${ok}Content-Length: +5\r\n\r\nhello`],
    ['an unknown transfer coding', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', `${ok}X-A: b\r\n c\r\n\r\n`],
    ['a space before the colon', `${ok}X-A : b\r\n\r\n`],
    ['a header without a name', `${ok}: b\r\n\r\n`],
    ['a header without a colon', `${ok}X-A\r\n\r\n`],
    ['a lone carriage return', `${ok}X-A: b\rSet-Cookie: x=y\r\n\r\n`],
    ['a lone line feed', `${ok}X-A: b\nSet-Cookie: x=y\r\n\r\n`],
    ['a NUL', `${ok}X-A: b\0\r\n\r\n`],
    ['another protocol', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a switch of protocols nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a chunk size that is none', `${ok}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n`],
    ['a chunk longer than it says', `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n`],
    ['a trailer that is none', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX-A b\r\n\r\n`],
    ['a lone line feed in a trailer', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\nX-B: c\r\n\r\n`],
    [
      'a lone line feed behind a chunk size',
      `${ok}Transfer-Encoding: chunked\r\n\r\n5;x\nhello\r\n0\r\n\r\n`,
    ],
    ['bytes after the end', `${ok}Content-Length: 1\r\n\r\nab`],
    ['a head without end', `${ok}X-A: ${'b'.repeat(2000)}`],
    ['interim responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)],
    ['a head that is too long', `${ok}X-A: ${'b'.repeat(2000)}\r\n\r\n`],
  ] as const) {
    test(what, () => {
      assert.throws(() => read([response]), ResponseSyntaxError)
    })
  }

  test('a stream that ends too early', () => {
    for (const response of [
      '',
      'HTTP/1.1 200',
      `${ok}Content-Length: 5\r\n\r\nhell`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    ]) {
      assert.throws(() => read([response], {}, true), ResponseSyntaxError, response)
    }
  })
})
