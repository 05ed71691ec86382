import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import { buildAnswer, type Refusal } from './answers.ts'
import { confineHeaders } from './confine-headers.ts'
import type { CredentialRecord, RouteRecord } from './edge-table.ts'
import type { Granted } from './http-exchange.ts'
import { http } from './lean-builtins.ts'
import type { LiveExchange } from './live-exchanges.ts'
import type { ProxyContext } from './proxy-context.ts'
import { describeSilence } from './reception.ts'
import { buildUpstreamHead, type RequestHead } from './request-head.ts'
import { type ResponseHead, ResponseSyntaxError } from './response-parser.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts'
import type { ConnectionWaiter, UpstreamPool } from './upstream-pool.ts'
import { WebsocketFrames } from './websocket-frames.ts'

/** One websocket: its handshake, then bytes both ways. */
export class WebsocketTunnel implements LiveExchange, ConnectionWaiter, UpstreamUser {
  readonly #context: ProxyContext
  readonly #request: IncomingMessage
  readonly #client: Socket
  readonly #head: RequestHead
  readonly #upstream: UpstreamPool | 'control-plane'
  readonly #fromClient = new WebsocketFrames()
  readonly #fromUpstream = new WebsocketFrames()
  readonly kind = 'websocket'
  liveIndex = -1
  readonly route: RouteRecord | undefined
  readonly credential: CredentialRecord | undefined
  /** What the client sent before it was answered. */
  readonly #early: Buffer[] = []
  #earlyBytes = 0
  #connection: UpstreamConnection | undefined
  #isOpen = false
  #isOver = false

  constructor(context: ProxyContext, request: IncomingMessage, client: Socket, granted: Granted) {
    this.#context = context
    this.#request = request
    this.#client = client
    this.#head = granted.head
    this.#upstream = granted.upstream
    this.route = granted.grounds.route
    this.credential = granted.grounds.credential
  }

  /** `early`: bytes that came behind the handshake. */
  start(early: Buffer): void {
    const client = this.#client
    this.#context.live.add(this)
    client.setTimeout(0)
    // Read from the start: only who reads learns that a client has gone before its handshake was answered.
    client.on('data', (piece: Buffer) => this.#onClientData(piece))
    if (early.length > 0) this.#onClientData(early)
    client.on('close', () => this.#finish())
    client.on('end', () => this.#onClientEnd())
    if (this.#upstream === 'control-plane') this.#context.controlPlane.connect(this)
    else this.#upstream.connect(this, { fresh: true })
  }

  cut(): void {
    this.#finish()
  }

  checkProgress(): void {
    // A websocket may be silent for ever.
  }

  onConnection(connection: UpstreamConnection): void {
    if (this.#isOver) {
      connection.giveBack()
      return
    }
    this.#connection = connection
    connection.socket.setKeepAlive(true, keepAliveMs)
    const { method } = this.#request as { method: string }
    const lines = `${this.#head.lines}connection: Upgrade\r\nupgrade: websocket\r\n`
    connection.request(this, buildUpstreamHead(method, this.#head, lines), {
      isHeadRequest: false,
      isUpgrade: true,
      hasMore: true,
    })
  }

  onNoConnection(): void {
    if (!this.#isOver) this.#refuseForSilence()
  }

  onInformation(): void {
    // A client that waits for 101 has no use for others.
  }

  onHead(head: ResponseHead): void {
    const headers = confineHeaders(head, this.route)
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`
    for (let index = 0; index < headers.length; index += 2)
      text += `${headers[index]}: ${headers[index + 1]}\r\n`
    if (head.status !== 101) {
      this.#client.write(`${text}connection: close\r\n\r\n`, 'latin1')
      return
    }
    this.#client.write(`${text}connection: Upgrade\r\nupgrade: websocket\r\n\r\n`, 'latin1')
    this.#open()
  }

  onBody(piece: Buffer, isLast: boolean): void {
    if (this.#isOpen && this.#fromUpstream.feed(piece)) this.#touch({ isMessage: false })
    if (isLast) {
      this.#client.end(Buffer.from(piece))
      this.#finish()
      return
    }
    const { bytes, onWritten } = this.#context.pieces.copy(piece)
    if (this.#client.write(bytes, onWritten)) return
    const { socket } = this.#connection as UpstreamConnection
    socket.pause()
    this.#client.once('drain', () => socket.resume())
  }

  onPause(): void {
    // Everything was written already.
  }

  onDrain(): void {
    this.#client.resume()
  }

  onFailure(error: Error): void {
    this.#connection = undefined
    if (this.#isOver) return
    if (this.#isOpen) this.#finish()
    else if (error instanceof ResponseSyntaxError) this.#refuse({ kind: 'broken-answer' })
    else this.#refuseForSilence()
  }

  #open(): void {
    this.#isOpen = true
    if (this.route !== undefined) this.#context.activity.countWebsocket(this.route, 1)
    for (const piece of this.#early.splice(0)) this.#onClientData(piece)
  }

  #onClientData(piece: Buffer): void {
    if (!this.#isOpen) {
      this.#keepEarly(piece)
      return
    }
    if (this.#fromClient.feed(piece)) this.#touch({ isMessage: true })
    if (this.#connection?.write(piece) === false) this.#client.pause()
  }

  /** Never by pausing the client: see `start`. A client must not send anything before it is answered (RFC 6455 section 4.1); a little is borne. */
  #keepEarly(piece: Buffer): void {
    this.#early.push(piece)
    this.#earlyBytes += piece.length
    if (this.#earlyBytes > mostEarlyBytes) this.#finish()
  }

  /** What the client said last still goes to the upstream. */
  #onClientEnd(): void {
    if (this.#isOpen && this.#connection !== undefined) this.#connection.endSoon()
    else this.#finish()
  }

  /** `isMessage`: the client sent it. */
  #touch({ isMessage }: { isMessage: boolean }): void {
    const { activity, clock } = this.#context
    const nowMs = clock.now()
    if (this.route !== undefined && isMessage) activity.touchMessage(this.route, nowMs)
    else if (this.route !== undefined) activity.touchRoute(this.route, nowMs)
    if (this.credential !== undefined) activity.touchCredential(this.credential, nowMs)
  }

  #refuseForSilence(): void {
    if (this.route === undefined) {
      this.#refuse({ kind: 'control-plane-down' })
      return
    }
    this.#context.onTargetFailed(this.route)
    this.#refuse(describeSilence(this.route, this.#request, 'unreachable'))
  }

  #refuse(refusal: Refusal): void {
    refuseUpgrade(this.#client, refusal)
    this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#context.live.delete(this)
    if (this.#isOpen && this.route !== undefined) this.#context.activity.countWebsocket(this.route, -1)
    this.#connection?.abandon()
    this.#connection = undefined
    // What was written to the client before is still sent.
    this.#client.destroySoon()
  }
}

const mostEarlyBytes = 65_536

/** TCP finds upstreams of idle websockets that have silently gone after this long without traffic, in milliseconds. */
const keepAliveMs = 60_000

/** Answers an upgrade that goes nowhere, as JSON: websockets are opened by programs. */
export function refuseUpgrade(client: Socket, refusal: Refusal): void {
  const { status, headers, body } = buildAnswer(refusal, { isBrowser: false })
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  client.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${lines.join('')}connection: close\r\n\r\n${body}`,
  )
}
