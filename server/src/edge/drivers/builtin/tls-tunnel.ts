import { connect, type Socket } from 'node:net'

import { parseTunnelTarget } from '#edge/tunnel-syntax.ts'
import type { LiveExchange } from './live-exchanges.ts'
import type { ProxyContext } from './proxy-context.ts'
import { refuseTls } from './tls-alert.ts'
import type { TunnelRecord } from './tunnel-table.ts'

/** An end that does not read what the other left for it is given up after this long. */
const flushWithinMs = 10_000

/** TCP finds ends of silent tunnels that have gone after this long without traffic, in milliseconds. */
const keepAliveMs = 60_000

/** One TLS connection on its way to a tunnel's target: bytes both ways, which nobody here reads. */
export class TlsTunnel implements LiveExchange {
  readonly kind = 'tunnel'
  readonly route = undefined
  readonly credential = undefined
  readonly tunnel: TunnelRecord
  liveIndex = -1
  readonly #context: ProxyContext
  readonly #client: Socket
  readonly #target: Socket
  #isConnected = false
  #isOver = false

  constructor(context: ProxyContext, tunnel: TunnelRecord, client: Socket) {
    this.#context = context
    this.tunnel = tunnel
    this.#client = client
    this.#target = connect({
      ...(parseTunnelTarget(tunnel.tunnel.target) as { host: string; port: number }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      allowHalfOpen: true,
    })
  }

  /** `bytes`: what the client has sent so far. */
  start(bytes: Buffer): void {
    const [client, target, { live, traffic, settings }] = [this.#client, this.#target, this.#context]
    live.add(this)
    // Until there is somebody to give it to, no more is read.
    client.pause()
    traffic.countTunnel()
    client.allowHalfOpen = true
    client.setNoDelay(true)
    for (const socket of [client, target]) {
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.#finish())
    }
    const timer = setTimeout(() => this.#refuse(), settings.times.connectTimeoutMs)
    target.once('close', () => clearTimeout(timer))
    target.once('connect', () => {
      clearTimeout(timer)
      this.#isConnected = true
      client.resume()
    })
    // Both wait until there is a connection.
    target.write(bytes)
    traffic.countTunnelBytes(bytes.length)
    this.#relay(client, target)
    this.#relay(target, client)
  }

  cut(): void {
    this.#client.destroy()
    this.#target.destroy()
  }

  checkProgress(): void {
    // A tunnel may be silent for ever.
  }

  /** Either side may say its last word before the other. */
  #relay(from: Socket, to: Socket): void {
    const { traffic, settings } = this.#context
    from.on('data', (piece: Buffer) => {
      traffic.countTunnelBytes(piece.length)
      if (!to.write(piece)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('end', () => {
      to.end()
      for (const socket of [from, to]) socket.setTimeout(settings.times.idleBodyMs, () => this.cut())
    })
  }

  /** One end has gone: what was written to the other is still sent. */
  #finish(): void {
    if (this.#isOver) return
    if (!this.#isConnected && !this.#client.destroyed) {
      this.#refuse()
      return
    }
    this.#isOver = true
    this.#context.live.delete(this)
    endSoon(this.#client)
    endSoon(this.#target)
  }

  /** Nobody answers behind the tunnel. */
  #refuse(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#context.live.delete(this)
    this.#target.destroy()
    refuseTls(this.#client, 'internalError')
  }
}

/** Ends the connection when all that was written is on its way, or after some time. */
function endSoon(socket: Socket): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), flushWithinMs)
  socket.once('close', () => clearTimeout(timer))
  socket.destroySoon()
}
