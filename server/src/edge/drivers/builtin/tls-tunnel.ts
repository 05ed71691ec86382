import { connect, type Socket } from 'node:net'

import { parseTunnelTarget, type TunnelAddress } from '#edge/tunnel-syntax.ts'
import type { LiveExchange } from './live-exchanges.ts'
import type { ProxyContext } from './proxy-context.ts'
import { refuseTls } from './tls-alert.ts'
import { remakeSocket, TunnelFlow } from './tunnel-flow.ts'
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
  /** Monotonic milliseconds. */
  readonly #startedMs: number
  #hasClientGoneOn = false
  #isConnected = false
  #isOver = false

  /** `bytes`: what the client has sent so far. */
  constructor(context: ProxyContext, tunnel: TunnelRecord, accepted: Socket, bytes: Buffer) {
    this.#context = context
    this.#startedMs = context.clock.monotonic()
    this.tunnel = tunnel
    const { traffic, flowBuffers } = context
    const count = (length: number) => traffic.countTunnelBytes(length)
    const up = new TunnelFlow(flowBuffers, (length) => {
      this.#hasClientGoneOn = true
      count(length)
    })
    const down = new TunnelFlow(flowBuffers, count)
    const { socket: client, rest } = remakeSocket(accepted, up.options)
    const target = connect({
      ...(parseTunnelTarget(tunnel.tunnel.target) as TunnelAddress),
      ...down.options,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
    })
    client.setNoDelay(true)
    up.connect(client, target)
    down.connect(target, client)
    // Waits until there is a connection.
    target.write(Buffer.concat([bytes, rest]))
    count(bytes.length + rest.length)
    this.#client = client
    this.#target = target
  }

  start(): void {
    const [client, target, { live, traffic, settings }] = [this.#client, this.#target, this.#context]
    live.add(this)
    traffic.countTunnel()
    this.#passEnd(client, target)
    this.#passEnd(target, client)
    const timer = setTimeout(() => this.#refuse(), settings.times.connectTimeoutMs)
    target.once('close', () => clearTimeout(timer))
    target.once('connect', () => {
      clearTimeout(timer)
      this.#isConnected = true
    })
  }

  cut(): void {
    this.#client.destroy()
    this.#target.destroy()
  }

  /** A tunnel may be silent for ever, but not before its client has said more than hello: that proves nothing, and the handshake goes on. */
  checkProgress(): void {
    const { clock, settings } = this.#context
    if (!this.#hasClientGoneOn && clock.monotonic() - this.#startedMs > settings.times.headerTimeoutMs)
      this.cut()
  }

  /** Either side may say its last word before the other. */
  #passEnd(from: Socket, to: Socket): void {
    const { idleBodyMs } = this.#context.settings.times
    from.on('end', () => {
      to.end()
      for (const socket of [from, to]) socket.setTimeout(idleBodyMs, () => this.cut())
    })
    from.on('error', () => from.destroy())
    from.on('close', () => this.#finish())
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
