import { connect, type Socket } from 'node:net'

/** One answer. */
export interface Answer {
  status: number
  body: Buffer
}

/**
 * A kept-alive connection for one request at a time, on a plain socket: a client must cost less than what it measures. Understands what
 * the measured servers send: Content-Length and chunked bodies.
 */
export interface HttpConnection {
  /** Sends bytes made by `buildRequest`. */
  exchange(request: Buffer): Promise<Answer>
  close(): void
}

/** A whole request, to be sent any number of times. */
export function buildRequest(
  method: string,
  url: URL,
  { headers = {}, body = '' }: { headers?: Readonly<Record<string, string>>; body?: string } = {},
): Buffer {
  const length = method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const fields = Object.entries({ host: url.host, ...headers, ...length })
  const lines = fields.map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(
    `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`,
  )
}

/** Connects to the host and port of `url`. */
export function openConnection(url: URL): Promise<HttpConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => resolve(createConnection(socket)))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

function createConnection(socket: Socket): HttpConnection {
  let received: Buffer = Buffer.alloc(0)
  let settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const answer = parseAnswer(received)
    if (answer === undefined) return
    received = received.subarray(answer.length)
    settle?.resolve(answer)
  })
  const fail = () => settle?.reject(new Error('the server closed the connection'))
  socket.on('error', fail)
  socket.on('close', fail)
  return {
    exchange(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(request)
      })
    },
    close: () => socket.destroy(),
  }
}

const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('\r\n0\r\n\r\n')
const noBody = Buffer.alloc(0)

/** The first whole answer in `bytes` and how many of them it takes; undefined while it is not whole. */
function parseAnswer(bytes: Buffer): (Answer & { length: number }) | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const start = end + headEnd.length
  const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (contentLength !== undefined) {
    const length = start + Number(contentLength)
    return bytes.length < length ? undefined : { status, body: bytes.subarray(start, length), length }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: noBody, length: start }
  // From the line break before the first chunk on: an empty body is found as well.
  const last = bytes.indexOf(lastChunk, end + 2)
  if (last < 0) return undefined
  return { status, body: joinChunks(bytes.subarray(start, last + 2)), length: last + lastChunk.length }
}

function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const sizeEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, sizeEnd), 16)
    parts.push(bytes.subarray(sizeEnd + 2, sizeEnd + 2 + size))
    at = sizeEnd + 2 + size + 2
  }
  return Buffer.concat(parts)
}
