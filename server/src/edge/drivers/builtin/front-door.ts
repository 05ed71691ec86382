import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import { ClientHelloReader, handshakeRecord } from './client-hello.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { StateGate } from './state-gate.ts'
import { refuseTls, type TlsAlert } from './tls-alert.ts'
import { TlsTunnel } from './tls-tunnel.ts'

/** What stands before the web server on the public port. */
export interface FrontDoor {
  /** Sends away who has not said what they want for too long; to be called now and then. */
  sweep(): void
  /** Ends connections of which nobody knows yet what they want. */
  closeWaiting(): void
}

/**
 * Has the first bytes of every connection looked at: TLS that asks for a tunnel's name goes through the tunnel, all else to `server`, which
 * gets the connection as if nobody had looked.
 */
export function putFrontDoor(server: Server, context: ProxyContext, gate: StateGate): FrontDoor {
  const [admit] = server.listeners('connection') as [(this: Server, socket: Socket) => void]
  server.removeAllListeners('connection')
  const desk = new Desk(context, gate, (socket) => admit.call(server, socket))
  server.on('connection', (socket: Socket) => desk.receive(socket))
  return desk
}

class Desk implements FrontDoor {
  readonly #context: ProxyContext
  readonly #gate: StateGate
  readonly #admit: (socket: Socket) => void
  readonly #isTls: boolean
  readonly #waiting = new Set<Newcomer>()

  constructor(context: ProxyContext, gate: StateGate, admit: (socket: Socket) => void) {
    this.#context = context
    this.#gate = gate
    this.#admit = admit
    this.#isTls = context.scheme === 'https'
  }

  /** True while TLS can be for nobody but the web server. */
  get hasNoTunnels(): boolean {
    const { table } = this.#context
    return this.#isTls && table.tunnels.size === 0 && !table.isEmpty
  }

  receive(socket: Socket): void {
    const { clock, settings } = this.#context
    this.#waiting.add(new Newcomer(this, socket, clock.monotonic() + settings.times.headerTimeoutMs))
  }

  sweep(): void {
    const nowMs = this.#context.clock.monotonic()
    for (const newcomer of this.#waiting) {
      // The first is the one who has waited longest.
      if (newcomer.untilMs > nowMs) return
      const isSilent = newcomer.leave()
      if (!isSilent || this.#isTls) newcomer.socket.destroy()
      else this.#endSilent(newcomer.socket)
    }
  }

  closeWaiting(): void {
    for (const { socket } of this.#waiting) socket.destroy()
  }

  forget(newcomer: Newcomer): void {
    this.#waiting.delete(newcomer)
  }

  /** To the web server; `bytes` were read already. */
  passToServer(socket: Socket, bytes: Buffer): void {
    if (this.#isTls) {
      // TLS takes what is left to be read.
      socket.pause()
      socket.unshift(bytes)
      this.#admit(socket)
      return
    }
    this.#admit(socket)
    socket.emit('data', bytes)
  }

  /** TLS that a tunnel may be for: decided when it is known what tunnels there are. */
  passHello(socket: Socket, bytes: Buffer, serverName: string | undefined): void {
    const { table } = this.#context
    if (!table.isEmpty) {
      this.#decide(socket, bytes, serverName)
      return
    }
    socket.pause()
    socket.on('error', destroySelf)
    this.#gate.whenOpen(() => {
      socket.off('error', destroySelf)
      if (!socket.destroyed) this.#decide(socket, bytes, serverName)
    })
  }

  /** TLS that makes no sense, or asks for nobody here. */
  refuse(socket: Socket, bytes: Buffer, alert: TlsAlert): void {
    if (this.#isTls) {
      this.passToServer(socket, bytes)
      return
    }
    this.#context.traffic.countRefusedTunnel()
    socket.on('error', destroySelf)
    refuseTls(socket, alert)
  }

  #decide(socket: Socket, bytes: Buffer, serverName: string | undefined): void {
    const { table } = this.#context
    const tunnel = serverName === undefined ? undefined : table.tunnels.find(serverName)
    if (tunnel === undefined) this.refuse(socket, bytes, 'unrecognizedName')
    else new TlsTunnel(this.#context, tunnel, socket, bytes).start()
  }

  #endSilent(socket: Socket): void {
    socket.on('error', destroySelf)
    socket.end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    socket.destroySoon()
  }
}

/** A connection of which too little was read yet. */
class Newcomer {
  readonly socket: Socket
  /** Monotonic milliseconds. */
  readonly untilMs: number
  readonly #desk: Desk
  readonly #pieces: Buffer[] = []
  #reader: ClientHelloReader | undefined

  constructor(desk: Desk, socket: Socket, untilMs: number) {
    this.#desk = desk
    this.socket = socket
    this.untilMs = untilMs
    socket.on('data', this.#onData)
    socket.on('end', destroySelf)
    socket.on('error', destroySelf)
    socket.on('close', this.#onClose)
  }

  /** Leaves the socket as it was found; true when it has said nothing. */
  leave(): boolean {
    const { socket } = this
    this.#desk.forget(this)
    socket.off('data', this.#onData)
    socket.off('end', destroySelf)
    socket.off('error', destroySelf)
    socket.off('close', this.#onClose)
    return this.#pieces.length === 0
  }

  readonly #onData = (piece: Buffer): void => {
    if (this.#reader === undefined) {
      if (piece[0] !== handshakeRecord || this.#desk.hasNoTunnels) {
        this.leave()
        this.#desk.passToServer(this.socket, piece)
        return
      }
      this.#reader = new ClientHelloReader()
    }
    this.#pieces.push(piece)
    const progress = this.#reader.feed(piece)
    if (progress.kind === 'incomplete') return
    this.leave()
    const bytes = Buffer.concat(this.#pieces)
    if (progress.kind === 'malformed') this.#desk.refuse(this.socket, bytes, 'decodeError')
    else this.#desk.passHello(this.socket, bytes, progress.serverName)
  }

  readonly #onClose = (): void => {
    this.leave()
  }
}

function destroySelf(this: Socket): void {
  this.destroy()
}
