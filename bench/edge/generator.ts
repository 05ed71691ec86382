/**
 * The load, in a process of its own: `generator.ts JSON`. Sends prepared bytes over plain sockets as fast as answers come, and says in one
 * JSON line how long it took.
 */
import { connect, type Socket } from 'node:net'

export interface Load {
  kind: 'get' | 'post' | 'websocket'
  port: number
  path: string
  headers?: readonly string[]
  connections: number
  /** Round trips that count; a tenth as many go before to warm up. */
  count: number
  /** Size of a POST's body. */
  bodyBytes?: number
}

export interface LoadResult {
  durationMs: number
  /** Monotonic nanoseconds of the machine, to compare with others' clocks. */
  errors: number
}

const payloadBytes = 100

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] as string) as Load)

async function main(load: Load): Promise<void> {
  await run({ ...load, count: Math.ceil(load.count / 10) })
  process.stdout.write('warm\n')
  // The parent reads the proxy's clock before it says go on, and after the end.
  await new Promise((resolve) => process.stdin.once('data', resolve))
  const started = performance.now()
  const errors = await run(load)
  const result: LoadResult = { durationMs: performance.now() - started, errors }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exit(0)
}

function run(load: Load): Promise<number> {
  return load.kind === 'websocket' ? runWebsockets(load) : runRequests(load)
}

function runRequests(load: Load): Promise<number> {
  const request = buildRequest(load)
  const budget = { left: load.count, open: load.count, errors: 0 }
  return new Promise((resolve) => {
    for (let index = 0; index < load.connections; index += 1) {
      const socket = open(load, budget, resolve)
      let need = -1
      let have = 0
      const next = () => {
        if (budget.left === 0) {
          socket.end()
          return
        }
        budget.left -= 1
        socket.write(request)
      }
      socket.on('connect', next)
      socket.on('data', (bytes: Buffer) => {
        have += bytes.length
        if (need === -1) need = readLength(bytes, budget)
        if (have < need) return
        need = -1
        have = 0
        settle(budget, resolve)
        next()
      })
    }
  })
}

function runWebsockets(load: Load): Promise<number> {
  const lines = (load.headers ?? []).map((line) => `${line}\r\n`).join('')
  const handshake = `GET ${load.path} HTTP/1.1\r\nHost: 127.0.0.1:${load.port}\r\n${lines}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
  const frame = Buffer.alloc(6 + payloadBytes)
  frame.set([0x82, 0x80 | payloadBytes])
  const budget = { left: load.count, open: load.count, errors: 0 }
  return new Promise((resolve) => {
    for (let index = 0; index < load.connections; index += 1) {
      const socket = open(load, budget, resolve)
      let isOpen = false
      let have = 0
      socket.on('connect', () => socket.write(handshake))
      socket.on('data', (bytes: Buffer) => {
        if (!isOpen) isOpen = bytes.toString('latin1').includes(' 101 ')
        else {
          have += bytes.length
          if (have < 2 + payloadBytes) return
          have = 0
          settle(budget, resolve)
        }
        if (budget.left === 0) socket.end()
        else {
          budget.left -= 1
          socket.write(frame)
        }
      })
    }
  })
}

function open(
  load: Load,
  budget: { errors: number; open: number },
  resolve: (errors: number) => void,
): Socket {
  const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {
    budget.errors += 1
    settle(budget, resolve)
  })
  return socket
}

function settle(budget: { errors: number; open: number }, resolve: (errors: number) => void): void {
  budget.open -= 1
  if (budget.open === 0) resolve(budget.errors)
}

function readLength(bytes: Buffer, budget: { errors: number }): number {
  const head = bytes.toString('latin1', 0, Math.min(bytes.length, 2048))
  if (!head.startsWith('HTTP/1.1 200')) budget.errors += 1
  return head.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
}

function buildRequest({ kind, port, path, headers = [], bodyBytes = 0 }: Load): Buffer {
  const lines = [`Host: 127.0.0.1:${port}`, 'User-Agent: bench', 'Accept: */*', ...headers]
  if (kind === 'post') lines.push(`Content-Length: ${bodyBytes}`)
  const head = `${kind === 'post' ? 'POST' : 'GET'} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.alloc(kind === 'post' ? bodyBytes : 0, 'a')])
}
