/**
 * Reads HTTP/1.x responses from a byte stream (RFC 9112), strictly: whatever one reader could take for a different message than another
 * is an error, because servers behind the proxy run users' code. Hop-by-hop headers are left out of the result.
 */
import { findHeaderKind, getHeaderKind, parseTokens } from './header-kinds.ts'

export interface ResponseHead {
  status: number
  reason: string
  /** Name, value, name, value: end-to-end headers as they came, `content-length` included. */
  headers: string[]
  hasDate: boolean
  /** Holds headers that not everybody may send; see `confineHeaders`. */
  isFarReaching: boolean
}

/** Receives a response as it arrives. */
export interface ResponseSink {
  /** An interim response (1xx other than 101). */
  onInformation(head: ResponseHead): void
  /** The final response; or 101, after which the bytes of the other protocol come as the body. */
  onHead(head: ResponseHead): void
  /**
   * A piece of the body; `isLast` when the message ends with it. The piece may be empty then. Its memory is used again after the call: who
   * needs it longer copies it.
   */
  onBody(piece: Buffer, isLast: boolean): void
  /** All that has arrived was delivered. */
  onPause(): void
}

/** What the meaning of a response depends on. */
export interface ExpectedRequest {
  isHeadRequest: boolean
  isUpgrade: boolean
}

/** The upstream did not speak HTTP/1.1 as we must understand it. */
export class ResponseSyntaxError extends Error {
  override readonly name = 'ResponseSyntaxError'
}

/** What a head says about the connection and the body that follows. */
interface Framing {
  contentLength: number | undefined
  isChunked: boolean
  connection: readonly string[]
  keepAliveMs: number | undefined
}

type State = 'head' | 'sized' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'until-close' | 'done'

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/
/** Control characters, line ends apart. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are refused
const forbiddenInHead = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/
const headerName = /^[!#$%&'*+.^`|~\w-]+$/
const chunkSizeLine = /^([\da-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i
/** Trailers are read over, but only when every reader would see where each ends. */
const trailerLine = /^[!#$%&'*+.^`|~\w-]+:[\t\x20-\x7e\x80-\xff]*$/
const noTokens: readonly string[] = []
const nothing = Buffer.alloc(0)
const maxLineBytes = 8192
/** Most heads are shorter, and found faster in a string than in bytes. */
const usualHeadBytes = 2048

export class ResponseParser {
  readonly #maxHeadBytes: number
  #sink: ResponseSink | undefined
  #request: ExpectedRequest = { isHeadRequest: false, isUpgrade: false }
  #state: State = 'done'
  /** Bytes of an unfinished head or line. */
  #pending: Buffer = nothing
  /** Bytes of the body, or of the chunk, still to come. */
  #remaining = 0
  /** Chunks that arrived together, moved together: whoever sends a body byte by byte costs no more than others. */
  #gathered: Buffer = nothing
  /** Heads of interim responses so far. */
  #interimBytes = 0
  /** False: the connection must not be used again. */
  canReuse = true
  /** How long the upstream said it keeps an idle connection, in milliseconds. */
  keepAliveMs: number | undefined

  constructor({ maxHeadBytes }: { maxHeadBytes: number }) {
    this.#maxHeadBytes = maxHeadBytes
  }

  /** True between messages. */
  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** True while not one byte of the awaited response has come. */
  get isSilent(): boolean {
    return this.#state === 'head' && this.#pending.length === 0
  }

  /** Awaits the response to the next request. */
  expect(sink: ResponseSink, request: ExpectedRequest): void {
    this.#sink = sink
    this.#request = request
    this.#state = 'head'
    this.#interimBytes = 0
    this.keepAliveMs = undefined
  }

  /** Takes the next bytes, whose memory it may change. Throws `ResponseSyntaxError`. */
  feed(bytes: Buffer): void {
    let rest = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    this.#pending = nothing
    while (rest.length > 0) rest = this.#step(rest)
    if (this.#gathered.length > 0) this.#emit(nothing, false)
    this.#sink?.onPause()
  }

  /** The upstream ended the stream. Throws `ResponseSyntaxError` when the message was not complete. */
  finish(): void {
    if (this.#state === 'until-close') this.#emit(nothing, true)
    else if (this.#state !== 'done') throw new ResponseSyntaxError('the response ended too early')
  }

  #step(bytes: Buffer): Buffer {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes)
      case 'sized':
        return this.#readSized(bytes)
      case 'chunk-data':
        return this.#readChunk(bytes)
      case 'until-close':
        this.#emit(bytes, false)
        return nothing
      case 'done':
        throw new ResponseSyntaxError('bytes after the end of the response')
      default:
        return this.#readChunkLine(bytes)
    }
  }

  #readHead(bytes: Buffer): Buffer {
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, usualHeadBytes, this.#maxHeadBytes))
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return this.#readLongHead(bytes)
    return this.#takeHead(text.slice(0, end), bytes.subarray(end + 4))
  }

  #readLongHead(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\r\n\r\n')
    if (end === -1 || end > this.#maxHeadBytes) {
      if (bytes.length > this.#maxHeadBytes) throw new ResponseSyntaxError('the response head is too long')
      this.#pending = Buffer.from(bytes)
      return nothing
    }
    return this.#takeHead(bytes.toString('latin1', 0, end), bytes.subarray(end + 4))
  }

  #takeHead(text: string, rest: Buffer): Buffer {
    const { head, framing, isHttp10 } = parseHead(text)
    if (head.status < 200 && head.status !== 101) {
      // Nobody holds them back for a client that reads none, so there must be an end of them.
      this.#interimBytes += text.length
      if (this.#interimBytes > this.#maxHeadBytes) throw new ResponseSyntaxError('too many interim responses')
      this.#sink?.onInformation(head)
      return rest
    }
    if (head.status === 101) this.#switchProtocols()
    else this.#prepareBody(head.status, framing, isHttp10)
    this.#sink?.onHead(head)
    // A body of no bytes ends here; one of some is met in the next step.
    if (this.#state === 'sized' && this.#remaining === 0) this.#emit(nothing, true)
    return rest
  }

  #switchProtocols(): void {
    if (!this.#request.isUpgrade) throw new ResponseSyntaxError('the upstream switched protocols unasked')
    this.#state = 'until-close'
    this.canReuse = false
  }

  #prepareBody(status: number, framing: Framing, isHttp10: boolean): void {
    this.keepAliveMs = framing.keepAliveMs
    if (isHttp10 ? !framing.connection.includes('keep-alive') : framing.connection.includes('close')) {
      this.canReuse = false
    }
    this.#state = 'sized'
    this.#remaining = 0
    if (this.#request.isHeadRequest || status === 204 || status === 304) return
    if (framing.isChunked) this.#state = 'chunk-size'
    else if (framing.contentLength !== undefined) this.#remaining = framing.contentLength
    else {
      this.#state = 'until-close'
      this.canReuse = false
    }
  }

  #readSized(bytes: Buffer): Buffer {
    if (bytes.length < this.#remaining) {
      this.#remaining -= bytes.length
      this.#emit(bytes, false)
      return nothing
    }
    const length = this.#remaining
    this.#emit(bytes.length === length ? bytes : bytes.subarray(0, length), true)
    return bytes.subarray(length)
  }

  #readChunk(bytes: Buffer): Buffer {
    const piece = bytes.length <= this.#remaining ? bytes : bytes.subarray(0, this.#remaining)
    this.#remaining -= piece.length
    if (this.#remaining === 0) this.#state = 'chunk-end'
    this.#gather(piece)
    return bytes.subarray(piece.length)
  }

  /** `piece` lies behind what was gathered from the same bytes. */
  #gather(piece: Buffer): void {
    const gathered = this.#gathered
    if (gathered.length === 0) {
      this.#gathered = piece
      return
    }
    this.#gathered = Buffer.from(piece.buffer, gathered.byteOffset, gathered.length + piece.length)
    this.#gathered.set(piece, gathered.length)
  }

  #readChunkLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\r\n')
    if (end === -1 || end > maxLineBytes) {
      if (bytes.length > maxLineBytes) throw new ResponseSyntaxError('a line of the chunked body is too long')
      this.#pending = Buffer.from(bytes)
      return nothing
    }
    const line = bytes.toString('latin1', 0, end)
    if (this.#state === 'chunk-size') this.#startChunk(line)
    else if (this.#state === 'chunk-end') {
      if (line !== '') throw new ResponseSyntaxError('a chunk is longer than it said')
      this.#state = 'chunk-size'
    } else if (line === '') this.#emit(nothing, true)
    else if (!trailerLine.test(line)) throw new ResponseSyntaxError('not a trailer')
    return bytes.subarray(end + 2)
  }

  #startChunk(line: string): void {
    const size = chunkSizeLine.exec(line)?.[1]
    if (size === undefined) throw new ResponseSyntaxError('not a chunk size')
    this.#remaining = Number.parseInt(size, 16)
    this.#state = this.#remaining === 0 ? 'trailer' : 'chunk-data'
  }

  /** Delivers a piece, or in place of an empty one what was gathered. */
  #emit(piece: Buffer, isLast: boolean): void {
    const sink = this.#sink
    const body = piece.length === 0 ? this.#gathered : piece
    this.#gathered = nothing
    if (isLast) {
      this.#state = 'done'
      this.#sink = undefined
    }
    sink?.onBody(body, isLast)
  }
}

function parseHead(text: string): { head: ResponseHead; framing: Framing; isHttp10: boolean } {
  if (forbiddenInHead.test(text)) throw new ResponseSyntaxError('a forbidden character in the response head')
  let start = findLineEnd(text, 0)
  const [, minorVersion, status, reason = ''] = statusLine.exec(text.slice(0, start)) ?? []
  if (status === undefined) throw new ResponseSyntaxError('not a status line')
  const head: ResponseHead = {
    status: Number(status),
    reason,
    headers: [],
    hasDate: false,
    isFarReaching: false,
  }
  const framing: Framing = {
    contentLength: undefined,
    isChunked: false,
    connection: noTokens,
    keepAliveMs: undefined,
  }
  while (start < text.length) {
    const end = findLineEnd(text, start + 2)
    readHeaderLine(text, start + 2, end, head, framing)
    start = end
  }
  if (framing.isChunked && (framing.contentLength !== undefined || minorVersion === '0')) {
    throw new ResponseSyntaxError('contradictory length of the body')
  }
  dropConnectionHeaders(head, framing.connection)
  // RFC 9110 section 8.6; another program could wait for a body.
  if (head.status < 200 || head.status === 204) dropHeaders(head, ['content-length'])
  return { head, framing, isHttp10: minorVersion === '0' }
}

/** Where the line that begins at `start` ends. Half a line end is an error: some programs take it for a whole one. */
function findLineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  const carriageReturn = text.indexOf('\r', start)
  if (end === -1 && carriageReturn === -1) return text.length
  if (carriageReturn !== end - 1) throw new ResponseSyntaxError('half a line end in the response head')
  return carriageReturn
}

function readHeaderLine(
  text: string,
  start: number,
  end: number,
  head: ResponseHead,
  framing: Framing,
): void {
  const colon = text.indexOf(':', start)
  if (colon === -1 || colon > end) throw new ResponseSyntaxError('not a header')
  const name = text.slice(start, colon)
  const value = text.slice(colon + 1, end).trim()
  let kind = findHeaderKind(name)
  if (kind === undefined) {
    if (!headerName.test(name)) throw new ResponseSyntaxError('not a header')
    kind = getHeaderKind(name)
  }
  switch (kind) {
    case 'hop':
    case 'reserved':
      return
    case 'connection':
      framing.connection = [...framing.connection, ...parseTokens(value)]
      return
    case 'keep-alive':
      framing.keepAliveMs = parseKeepAlive(value)
      return
    case 'transfer-encoding':
      if (framing.isChunked || value.toLowerCase() !== 'chunked')
        throw new ResponseSyntaxError('unknown transfer coding')
      framing.isChunked = true
      return
    case 'content-length':
      if (framing.contentLength !== undefined || !/^\d{1,15}$/.test(value)) {
        throw new ResponseSyntaxError('not one content length')
      }
      framing.contentLength = Number(value)
      break
    case 'date':
      head.hasDate = true
      break
    case 'far-reaching':
      head.isFarReaching = true
      break
    default:
  }
  head.headers.push(name, value)
}

function parseKeepAlive(value: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Headers that `Connection` names are as hop-by-hop as itself. */
function dropConnectionHeaders(head: ResponseHead, tokens: readonly string[]): void {
  if (tokens.length === 0) return
  const named = tokens.filter(
    (token) => !['close', 'keep-alive', 'upgrade', 'content-length'].includes(token),
  )
  if (named.length > 0) dropHeaders(head, named)
}

function dropHeaders(head: ResponseHead, names: readonly string[]): void {
  head.headers = head.headers.filter((_, index, headers) => {
    const name = headers[index - (index % 2)] as string
    return !names.includes(name.toLowerCase())
  })
}
