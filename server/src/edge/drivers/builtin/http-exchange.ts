import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Refusal } from './answers.ts'
import { confineHeaders } from './confine-headers.ts'
import type { CredentialRecord, RouteRecord } from './edge-table.ts'
import type { LiveExchange } from './live-exchanges.ts'
import type { ProxyContext } from './proxy-context.ts'
import { describeSilence, findBodyLimit, type Reception } from './reception.ts'
import { buildUpstreamHead, type RequestHead } from './request-head.ts'
import { type ResponseHead, ResponseSyntaxError } from './response-parser.ts'
import { sendAnswer } from './send-answer.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts'
import type { ConnectionWaiter, UpstreamPool } from './upstream-pool.ts'

export type Granted = Extract<Reception, { outcome: 'granted' }>

/** Up to this size a last piece is copied as text, which Node writes together with the head. */
const smallBytes = 8192
const lineEnd = Buffer.from('\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')
/** An upstream that keeps a client waiting for `100 Continue` longer than this gets the body anyway (RFC 9110 section 10.1.1). */
const continueAfterMs = 1000
/** Times a request that was lost on the way is sent again. */
const maxRetries = 3

/** One request and its response, streamed both ways. */
export class HttpExchange implements LiveExchange, ConnectionWaiter, UpstreamUser {
  readonly #context: ProxyContext
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #head: RequestHead
  readonly #upstream: UpstreamPool | 'control-plane'
  readonly kind = 'request'
  readonly #startedMs: number
  liveIndex = -1
  readonly route: RouteRecord | undefined
  readonly credential: CredentialRecord | undefined
  #connection: UpstreamConnection | undefined
  #holdUntilMs: number | undefined
  #retries = 0
  #bodyBytes = 0
  #isBodyStarted = false
  /** When the last piece of the body came, or could have: monotonic milliseconds. */
  #lastPieceMs = 0
  /** Node keeps a head back until there is something of the body. */
  #isHeadWaiting = false
  #isOver = false

  constructor(context: ProxyContext, request: IncomingMessage, response: ServerResponse, granted: Granted) {
    this.#context = context
    this.#startedMs = context.clock.monotonic()
    this.#request = request
    this.#response = response
    this.#head = granted.head
    this.#upstream = granted.upstream
    this.route = granted.grounds.route
    this.credential = granted.grounds.credential
  }

  start(): void {
    this.#context.live.add(this)
    this.#response.on('close', () => this.#onClientClose())
    this.#connect({ fresh: false })
  }

  cut(): void {
    this.#abandonUpstream()
    this.#isOver = true
    this.#response.destroy()
  }

  checkProgress(): void {
    const isWaiting =
      this.#isBodyStarted && !this.#isOver && !this.#request.complete && !this.#request.isPaused()
    const { clock, settings } = this.#context
    if (isWaiting && clock.monotonic() - this.#lastPieceMs > settings.times.idleBodyMs)
      this.#refuse({ kind: 'too-slow' })
  }

  onConnection(connection: UpstreamConnection): void {
    if (this.#isOver) {
      connection.giveBack()
      return
    }
    this.#connection = connection
    const { method } = this.#request as { method: string }
    const { hasBody, lines } = this.#head
    connection.request(this, buildUpstreamHead(method, this.#head, lines), {
      isHeadRequest: method === 'HEAD',
      isUpgrade: false,
      hasMore: hasBody,
    })
    if (!hasBody) return
    if (!this.#head.expectsContinue) this.#sendBody()
    else setTimeout(() => this.#continue(), continueAfterMs).unref()
  }

  onNoConnection(): void {
    if (!this.#isOver) this.#refuseForSilence()
  }

  onInformation(head: ResponseHead): void {
    if (head.status === 100) this.#continue()
    else if (this.#request.httpVersion === '1.1')
      this.#response.writeInformation(head.status, toHeaderObject(confineHeaders(head, this.route)))
  }

  onHead(head: ResponseHead): void {
    const response = this.#response
    const headers = confineHeaders(head, this.route)
    if (head.hasDate) response.sendDate = false
    // A client that was not told to go on may or may not send the body (RFC 9110 section 10.1.1).
    const isBodyUnclear = this.#head.expectsContinue && !this.#isBodyStarted
    if (this.#context.isDraining || isBodyUnclear) headers.push('connection', 'close')
    response.writeHead(head.status, head.reason, headers)
    this.#isHeadWaiting = true
  }

  onBody(piece: Buffer, isLast: boolean): void {
    const response = this.#response
    this.#isHeadWaiting = false
    if (isLast) {
      this.#connection = undefined
      this.#isOver = true
      // Nobody reads what an upstream that answered early did not take.
      if (this.#isBodyStarted) this.#request.resume()
      if (piece.length <= smallBytes) response.end(piece.toString('latin1'), 'latin1')
      else {
        const { bytes, onWritten } = this.#context.pieces.copy(piece)
        response.end(bytes, onWritten)
      }
      return
    }
    const { bytes, onWritten } = this.#context.pieces.copy(piece)
    if (response.write(bytes, onWritten)) return
    const { socket } = this.#connection as UpstreamConnection
    socket.pause()
    response.once('drain', () => socket.resume())
  }

  onPause(): void {
    // A stream of events may well be silent at first.
    if (this.#isHeadWaiting) this.#response.flushHeaders()
    this.#isHeadWaiting = false
  }

  onDrain(): void {
    this.#lastPieceMs = this.#context.clock.monotonic()
    this.#request.resume()
  }

  onFailure(error: Error): void {
    const connection = this.#connection
    this.#connection = undefined
    if (this.#isOver) return
    if (this.#response.headersSent) this.#response.destroy()
    else if (error instanceof ResponseSyntaxError) this.#refuse({ kind: 'broken-answer' })
    else if (this.#mayRetry(connection)) this.#connect({ fresh: true })
    else this.#refuseForSilence()
  }

  #connect({ fresh }: { fresh: boolean }): void {
    if (this.#upstream !== 'control-plane') {
      this.#upstream.connect(this, { fresh })
      return
    }
    const { clock, settings, controlPlane } = this.#context
    this.#holdUntilMs ??= clock.monotonic() + settings.times.holdMs
    controlPlane.connect(this, { untilMs: this.#holdUntilMs })
  }

  /**
   * A connection broke before an answer. A safe request is sent again where that can help: the upstream may have just closed an idle
   * connection, and a control plane may be restarting. Nobody knows whether the others were carried out.
   */
  #mayRetry(connection: UpstreamConnection | undefined): boolean {
    const { method } = this.#request
    if (this.#head.hasBody || (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS')) return false
    this.#retries += 1
    if (this.#retries > maxRetries) return false
    return this.#upstream === 'control-plane' || (connection !== undefined && connection.answered > 0)
  }

  /** Tells a client that waits for it to send the body, once. */
  #continue(): void {
    if (this.#isBodyStarted || this.#isOver || !this.#head.expectsContinue || this.#response.headersSent)
      return
    this.#response.writeContinue()
    this.#sendBody()
  }

  #sendBody(): void {
    this.#isBodyStarted = true
    this.#lastPieceMs = this.#context.clock.monotonic()
    const request = this.#request
    request.on('data', (piece: Buffer) => this.#sendPiece(piece))
    request.on('end', () => {
      if (this.#head.isChunked) this.#connection?.write(lastChunk)
      this.#connection?.endRequest()
    })
  }

  #sendPiece(piece: Buffer): void {
    const connection = this.#connection
    // The answer is complete already: the rest of the body is read and dropped.
    if (connection === undefined) return
    this.#bodyBytes += piece.length
    this.#lastPieceMs = this.#context.clock.monotonic()
    if (this.#bodyBytes > findBodyLimit(this.#context.settings, this.#upstream === 'control-plane')) {
      this.#refuse({ kind: 'too-large' })
      return
    }
    if (!this.#head.isChunked) {
      if (!connection.write(piece)) this.#request.pause()
      return
    }
    connection.socket.cork()
    connection.write(Buffer.from(`${piece.length.toString(16)}\r\n`, 'latin1'))
    connection.write(piece)
    if (!connection.write(lineEnd)) this.#request.pause()
    connection.socket.uncork()
  }

  #refuseForSilence(): void {
    if (this.route === undefined) {
      this.#refuse({ kind: 'control-plane-down' })
      return
    }
    this.#context.onTargetFailed(this.route)
    // An upstream that does not want a body may close before its answer is read: no sign that it is gone.
    const isUnclear = this.#isBodyStarted
    this.#refuse(
      isUnclear ? { kind: 'broken-answer' } : describeSilence(this.route, this.#request, 'unreachable'),
    )
  }

  #refuse(refusal: Refusal): void {
    this.#abandonUpstream()
    this.#isOver = true
    if (this.#response.headersSent) {
      this.#response.destroy()
      return
    }
    sendAnswer(this.#request, this.#response, refusal)
  }

  /** The response was sent, or the client has gone. */
  #onClientClose(): void {
    this.#abandonUpstream()
    this.#isOver = true
    const { live, traffic, clock } = this.#context
    live.delete(this)
    traffic.countAnswer(this.#response.statusCode, clock.monotonic() - this.#startedMs)
  }

  #abandonUpstream(): void {
    this.#connection?.abandon()
    this.#connection = undefined
  }
}

function toHeaderObject(headers: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] as string]] : [])),
  )
}
