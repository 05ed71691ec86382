import type { Clock } from '#platform/clock.ts'

import type { UpstreamAddress } from './upstream-address.ts'
import { type ConnectionOwner, type SealedConnect, UpstreamConnection } from './upstream-connection.ts'

/** Waits for a connection; exactly one of its two methods is called, maybe at once. */
export interface ConnectionWaiter {
  onConnection(connection: UpstreamConnection): void
  /** Nothing was sent. */
  onNoConnection(error: Error): void
}

export interface UpstreamLimits {
  /** Time to connect. */
  connectTimeoutMs: number
  /** How long an idle connection is kept, at most: less when the upstream says so. */
  idleTimeoutMs: number
  /** Idle connections kept per upstream. */
  maxIdle: number
  /** Size of a response's head. */
  maxHeadBytes: number
}

export interface PoolOptions {
  limits: UpstreamLimits
  clock: Clock
  /** Shared by the connections of all pools; see `ConnectionOptions`. */
  readBuffer: Uint8Array
  connectSealed?: SealedConnect | undefined
}

/** Connections close this much before the upstream would close them, so that no request meets the closing. */
const keepAliveMarginMs = 1000

/** Keep-alive connections to one upstream. Connections in use are not limited: each belongs to one of the clients' own. */
export class UpstreamPool implements ConnectionOwner {
  readonly #address: UpstreamAddress
  readonly #limits: UpstreamLimits
  readonly #clock: Clock
  readonly #readBuffer: Uint8Array
  readonly #connectSealed: SealedConnect | undefined
  /** The last is the most recently used: the others get old and go. */
  readonly #idle: UpstreamConnection[] = []
  #isClosed = false

  constructor(address: UpstreamAddress, { limits, clock, readBuffer, connectSealed }: PoolOptions) {
    this.#address = address
    this.#limits = limits
    this.#clock = clock
    this.#readBuffer = readBuffer
    this.#connectSealed = connectSealed
  }

  /** Gives an idle connection, or a new one when there is none or `fresh` is asked for. */
  connect(waiter: ConnectionWaiter, { fresh = false }: { fresh?: boolean } = {}): void {
    if (!fresh) {
      const idle = this.#takeIdle()
      if (idle !== undefined) {
        waiter.onConnection(idle)
        return
      }
    }
    const connection = new UpstreamConnection(this.#address, {
      owner: this,
      maxHeadBytes: this.#limits.maxHeadBytes,
      readBuffer: this.#readBuffer,
      connectSealed: this.#connectSealed,
    })
    connection.whenConnected(this.#limits.connectTimeoutMs, (error) => {
      if (error === undefined) waiter.onConnection(connection)
      else waiter.onNoConnection(error)
    })
  }

  onFree(connection: UpstreamConnection): void {
    const keepMs = Math.min(
      this.#limits.idleTimeoutMs,
      (connection.keepAliveMs ?? Number.POSITIVE_INFINITY) - keepAliveMarginMs,
    )
    if (this.#isClosed || this.#idle.length >= this.#limits.maxIdle || keepMs <= 0) {
      connection.socket.destroy()
      return
    }
    connection.idleUntilMs = this.#clock.monotonic() + keepMs
    this.#idle.push(connection)
  }

  onGone(connection: UpstreamConnection, brokeOff: boolean): void {
    const index = this.#idle.lastIndexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    // The upstream may have died, and the others with it: none of them is to cost another request.
    if (brokeOff) for (const idle of this.#idle.splice(0)) idle.socket.destroy()
  }

  /** Closes connections that were idle for too long; the answer is how many are left. */
  closeOld(): number {
    const now = this.#clock.monotonic()
    for (const connection of this.#idle.filter(({ idleUntilMs }) => idleUntilMs <= now))
      connection.socket.destroy()
    return this.#idle.length
  }

  /** Closes the idle connections now and each other one when it becomes free. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#idle) connection.socket.destroy()
  }

  #takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return undefined
      if (!connection.socket.destroyed && connection.idleUntilMs > this.#clock.monotonic()) return connection
      connection.socket.destroy()
    }
  }
}
