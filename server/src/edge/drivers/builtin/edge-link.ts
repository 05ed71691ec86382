import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import type { EdgeReport, TargetFailure } from '#edge/edge.ts'
import { ConnectionLostError, type ControlClient, greetEdge, type Push } from './control-client.ts'
import { type EdgeHello, type EdgeStatus, externalSinceVersion } from './control-messages.ts'
import type { EdgeLog } from './edge-process.ts'

export interface EdgeLinkTimes {
  /** Between attempts to reach an edge, in milliseconds. */
  retryMs: number
  /** An edge that does not acknowledge what it is told for this long is given up, until it can be reached anew. */
  acknowledgeMs: number
  /** How often an edge is asked whether it is still there. */
  askEveryMs: number
}

export interface EdgeLinkOptions {
  address: string
  times: EdgeLinkTimes
  log: EdgeLog
  /** Starts to connect; the edge proves by that connection that it is one of ours. */
  open(address: string): Socket
  /** A connection has come up; what it may have missed is to be told now. */
  onConnected(link: EdgeLink, hello: EdgeHello): void
  onLost(link: EdgeLink): void
  onReport(link: EdgeLink, report: EdgeReport): void
  onTargetFailed(failure: TargetFailure): void
}

/** The connection to one of several edges, made again whenever it is lost. */
export class EdgeLink {
  readonly #options: EdgeLinkOptions
  readonly #stopping = new AbortController()
  #client: ControlClient | undefined
  /** Aborted when the present connection ends. */
  #connection = new AbortController()
  /** What is told only once while it stays the same. */
  #lastComplaint = ''

  constructor(options: EdgeLinkOptions) {
    this.#options = options
    void this.#run()
  }

  get address(): string {
    return this.#options.address
  }

  get isConnected(): boolean {
    return this.#client !== undefined
  }

  /** Resolves with the edge's answer. Rejects with its refusal, or `ConnectionLostError` when it is lost or silent. */
  async request(push: Push): Promise<EdgeStatus | undefined> {
    const client = this.#client
    if (client === undefined) throw new ConnectionLostError('the edge is not connected')
    const timer = setTimeout(() => {
      this.#complain('does not answer any more')
      client.abandon()
    }, this.#options.times.acknowledgeMs)
    try {
      return await client.request(push)
    } catch (error) {
      if (error instanceof ConnectionLostError) this.#onClose(client)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Lets go of the edge, for good. */
  close(): void {
    this.#stopping.abort()
    this.#connection.abort()
    this.#client?.close()
    this.#client = undefined
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { retryMs } = this.#options.times
    while (!signal.aborted) {
      try {
        await this.#connect()
        await this.#keepAsking()
      } catch (error) {
        this.#complain(describe(error as Error))
      }
      if (!signal.aborted) await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #connect(): Promise<void> {
    const { address, open, onConnected, onReport, onTargetFailed, log } = this.#options
    let greeted: ControlClient | undefined
    const client = await greetEdge(open(address), address, {
      onReport: (report) => onReport(this, report),
      onTargetFailed,
      onClose: () => greeted !== undefined && this.#onClose(greeted),
    })
    greeted = client
    const { protocol, isEmpty } = client.hello
    if (this.#stopping.signal.aborted || protocol < externalSinceVersion) {
      client.close()
      throw new Error(`it speaks version ${protocol}, which is too old`)
    }
    this.#client = client
    this.#connection = new AbortController()
    this.#lastComplaint = ''
    log.info({ edge: address, isEmpty }, 'edge connected')
    onConnected(this, client.hello)
  }

  /** Until the connection is gone. A machine that is lost says nothing, and neither does TCP for long. */
  async #keepAsking(): Promise<void> {
    const { signal } = this.#connection
    while (!signal.aborted) {
      await delay(this.#options.times.askEveryMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.request({ type: 'status' }).catch(() => undefined)
    }
  }

  #onClose(client: ControlClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#connection.abort()
    this.#complain('connection lost')
    this.#options.onLost(this)
  }

  #complain(reason: string): void {
    if (reason === this.#lastComplaint || this.#stopping.signal.aborted) return
    this.#lastComplaint = reason
    this.#options.log.warn({ edge: this.address, reason }, 'edge cannot be reached')
  }
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
