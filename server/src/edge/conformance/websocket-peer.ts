/** As much of RFC 6455 as tests need, with the frames in their own hands. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface Frame {
  opcode: number
  payload: Buffer
  isFinal: boolean
}

/** One end of a websocket. */
export interface WebsocketPeer {
  readonly socket: Socket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  send(frame: Frame): void
  sendText(text: string): void
  onFrame(listener: (frame: Frame) => void): void
  /** The next frame; rejects when the connection ends first. */
  nextFrame(): Promise<Frame>
  close(): void
}

/** What a server answered to a handshake it did not take. */
export class HandshakeError extends Error {
  readonly status: number
  readonly head: string
  readonly body: string

  constructor(text: string) {
    super(text.split('\r\n', 1)[0])
    this.status = Number(text.slice(9, 12))
    this.head = text.slice(0, text.indexOf('\r\n\r\n'))
    this.body = text.slice(text.indexOf('\r\n\r\n') + 4)
  }
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Opens a websocket to `http://host:port` and a path. Rejects with `HandshakeError` when the answer is not 101. */
export async function openWebsocket(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<WebsocketPeer> {
  const { hostname, port, host } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET ${path} HTTP/1.1\r\n${lines.join('')}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  const rest = await readHandshake(socket, buildAccept(key))
  return createPeer(socket, { early: rest, masks: true })
}

/** Takes a handshake on the server's side. */
export function acceptWebsocket(request: IncomingMessage, socket: Socket, early: Buffer): WebsocketPeer {
  const accept = buildAccept(request.headers['sec-websocket-key'] as string)
  socket.setNoDelay(true)
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  return createPeer(socket, { early, masks: false })
}

function buildAccept(key: string): string {
  return createHash('sha1').update(`${key}${guid}`).digest('base64')
}

function readHandshake(socket: Socket, accept: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const onClose = () => reject(new HandshakeError(bytes.toString('latin1')))
    const onData = (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece])
      const end = bytes.indexOf('\r\n\r\n')
      if (end === -1 || !bytes.toString('latin1', 0, end).startsWith('HTTP/1.1 101 ')) return
      socket.off('data', onData)
      socket.off('close', onClose)
      socket.pause()
      if (bytes.toString('latin1', 0, end).includes(accept)) resolve(bytes.subarray(end + 4))
      else reject(new Error('not the accepted key'))
    }
    socket.on('data', onData)
    socket.on('error', () => undefined)
    socket.on('close', onClose)
  })
}

function createPeer(socket: Socket, { early, masks }: { early: Buffer; masks: boolean }): WebsocketPeer {
  const listeners = new Set<(frame: Frame) => void>()
  const frames: Frame[] = []
  const waiting: PromiseWithResolvers<Frame>[] = []
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  let bytes = early
  const onFrame = (frame: Frame) => {
    for (const listener of listeners) listener(frame)
    if (listeners.size > 0) return
    const next = waiting.shift()
    if (next === undefined) frames.push(frame)
    else next.resolve(frame)
  }
  const drainFrames = () => {
    for (let read = readFrame(bytes); read !== undefined; read = readFrame(bytes)) {
      bytes = read.rest
      onFrame(read.frame)
    }
  }
  socket.on('error', () => undefined)
  socket.on('data', (piece: Buffer) => {
    bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece])
    drainFrames()
  })
  socket.resume()
  socket.on('close', () => {
    for (const { reject } of waiting) reject(new Error('the websocket is closed'))
  })
  const send = (frame: Frame) => void socket.write(buildFrame(frame, masks))
  return {
    socket,
    closed,
    send,
    sendText: (text) => send({ opcode: 1, payload: Buffer.from(text), isFinal: true }),
    onFrame(listener) {
      listeners.add(listener)
      drainFrames()
    },
    nextFrame() {
      drainFrames()
      const frame = frames.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      const next = Promise.withResolvers<Frame>()
      waiting.push(next)
      return next.promise
    },
    close: () => socket.destroy(),
  }
}

/** A frame as it stands on the wire. */
export function buildFrame({ opcode, payload, isFinal }: Frame, masks: boolean): Buffer {
  const length = payload.length
  const extended = length < 126 ? Buffer.alloc(0) : Buffer.alloc(length < 65_536 ? 2 : 8)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127
  const start = Buffer.from([(isFinal ? 0x80 : 0) | opcode, (masks ? 0x80 : 0) | short])
  if (!masks) return Buffer.concat([start, extended, payload])
  const mask = randomBytes(4)
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] as number))
  return Buffer.concat([start, extended, mask, masked])
}

function readFrame(bytes: Buffer): { frame: Frame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const [first, second] = bytes as unknown as [number, number]
  const short = second & 0x7f
  let at = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
  if (bytes.length < at) return undefined
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  const isMasked = (second & 0x80) !== 0
  const mask = isMasked ? bytes.subarray(at, at + 4) : undefined
  if (isMasked) at += 4
  if (bytes.length < at + length) return undefined
  const raw = bytes.subarray(at, at + length)
  const payload =
    mask === undefined ? raw : Buffer.from(raw.map((byte, index) => byte ^ (mask[index % 4] as number)))
  return {
    frame: { opcode: first & 0x0f, payload, isFinal: (first & 0x80) !== 0 },
    rest: bytes.subarray(at + length),
  }
}
