import { connect, type Socket } from 'node:net'

/** A bounded load of equal GET requests over kept-alive connections. */
export interface LoadOptions {
  url: string
  headers?: Readonly<Record<string, string>>
  connections: number
  /** Stops after this many requests, or this time, whichever comes first. */
  requests?: number
  durationMs?: number
}

export interface LoadResult {
  requestsPerSecond: number
  medianMs: number
  p99Ms: number
  /** Answers by status. */
  statuses: Readonly<Record<number, number>>
}

/**
 * Sends requests as fast as answers come. A client of its own on plain sockets: it must cost less than what it measures. Understands what
 * the measured servers send: Content-Length and chunked bodies.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const url = new URL(options.url)
  const request = buildRequest(url, options.headers ?? {})
  const budget = { left: options.requests ?? Number.POSITIVE_INFINITY }
  const end = performance.now() + (options.durationMs ?? Number.POSITIVE_INFINITY)
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  const started = performance.now()
  await Promise.all(
    Array.from({ length: options.connections }, async () => {
      const connection = await openConnection(url)
      try {
        while (budget.left > 0 && performance.now() < end) {
          budget.left -= 1
          const sent = performance.now()
          const status = await connection.exchange(request)
          latencies.push(performance.now() - sent)
          statuses[status] = (statuses[status] ?? 0) + 1
        }
      } finally {
        connection.close()
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  return {
    requestsPerSecond: latencies.length / seconds,
    medianMs: latencies[Math.floor(latencies.length / 2)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    statuses,
  }
}

interface Connection {
  exchange(request: Buffer): Promise<number>
  close(): void
}

function buildRequest(url: URL, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
}

function openConnection(url: URL): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => resolve(createConnection(socket)))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

function createConnection(socket: Socket): Connection {
  let received: Buffer = Buffer.alloc(0)
  let settle: { resolve(status: number): void; reject(error: Error): void } | undefined
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const answer = parseAnswer(received)
    if (answer === undefined) return
    received = received.subarray(answer.length)
    settle?.resolve(answer.status)
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
const lastChunk = Buffer.from('0\r\n\r\n')

/** The first whole answer in `bytes`; undefined while it is not whole. */
function parseAnswer(bytes: Buffer): { status: number; length: number } | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const body = end + headEnd.length
  const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (contentLength !== undefined) {
    const length = body + Number(contentLength)
    return bytes.length < length ? undefined : { status, length }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, length: body }
  const last = bytes.indexOf(lastChunk, body)
  return last < 0 ? undefined : { status, length: last + lastChunk.length }
}
