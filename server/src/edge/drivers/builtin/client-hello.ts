/**
 * Reads the first message of a TLS connection as far as to know the name that is asked for: records by RFC 8446 section 5.1, the ClientHello by
 * section 4.1.2 (the same form since TLS 1.0), its server name by RFC 6066 section 3. Nothing is changed or answered.
 */

/** What the bytes so far are. */
export type HelloProgress =
  | { kind: 'incomplete' }
  /** Not a ClientHello, or one of which no use is made: too long, or cut into empty records. */
  | { kind: 'malformed' }
  /** In lower case; undefined: it names nobody. */
  | { kind: 'complete'; serverName: string | undefined }

/** The first byte of a TLS connection: a record of a handshake. No HTTP request begins with it. */
export const handshakeRecord = 22
const recordHeaderBytes = 5
/** A record's content is never longer (RFC 8446 section 5.1). */
const longestRecord = 16_384
const clientHello = 1
const handshakeHeaderBytes = 4
/** Browsers send 2 kB at most; session tickets that hold certificates make some kilobytes more. */
const longestHello = 16_384
const serverNameExtension = 0
const hostName = 0
const longestSessionId = 32
const randomBytes = 32

const incomplete: HelloProgress = { kind: 'incomplete' }
const malformed: HelloProgress = { kind: 'malformed' }

class HelloSyntaxError extends Error {
  override readonly name = 'HelloSyntaxError'
}

/** Takes the bytes as they come; each is looked at once, however they are cut. */
export class ClientHelloReader {
  readonly #header = Buffer.alloc(recordHeaderBytes)
  #headerLength = 0
  #recordRest = 0
  /** The handshake message without the heads of its records. */
  readonly #pieces: Buffer[] = []
  #length = 0
  #wanted = handshakeHeaderBytes

  /** Takes more bytes. After another answer than `incomplete` it is not to be called again. */
  feed(bytes: Buffer): HelloProgress {
    let at = 0
    while (at < bytes.length) {
      if (this.#recordRest === 0) {
        at += this.#readRecordHeader(bytes.subarray(at))
        if (this.#headerLength < recordHeaderBytes) return this.#isHeaderPossible() ? incomplete : malformed
        if (!this.#startRecord()) return malformed
      }
      const piece = bytes.subarray(at, at + this.#recordRest)
      at += piece.length
      this.#recordRest -= piece.length
      const progress = this.#addPiece(piece)
      if (progress !== incomplete) return progress
    }
    return incomplete
  }

  #readRecordHeader(bytes: Buffer): number {
    const count = bytes.copy(this.#header, this.#headerLength, 0, recordHeaderBytes - this.#headerLength)
    this.#headerLength += count
    return count
  }

  /** Something else is told apart by its first bytes, and not after it was waited for. */
  #isHeaderPossible(): boolean {
    return (
      this.#header[0] === handshakeRecord && (this.#headerLength < 2 || this.#header[1] === tlsMajorVersion)
    )
  }

  /** False: no record that a ClientHello can be in. */
  #startRecord(): boolean {
    this.#recordRest = this.#header.readUInt16BE(3)
    const isPossible = this.#isHeaderPossible() && this.#recordRest > 0 && this.#recordRest <= longestRecord
    this.#headerLength = 0
    return isPossible
  }

  #addPiece(piece: Buffer): HelloProgress {
    if (piece.length === 0) return incomplete
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length < this.#wanted) return incomplete
    const message = Buffer.concat(this.#pieces)
    if (this.#wanted === handshakeHeaderBytes) {
      const length = message.readUIntBE(1, 3)
      if (message[0] !== clientHello || length > longestHello) return malformed
      this.#wanted += length
      if (this.#length < this.#wanted) return incomplete
    }
    return parseMessage(message.subarray(handshakeHeaderBytes, this.#wanted))
  }
}

const tlsMajorVersion = 3

function parseMessage(body: Buffer): HelloProgress {
  try {
    return { kind: 'complete', serverName: readServerName(body) }
  } catch (error) {
    if (error instanceof HelloSyntaxError) return malformed
    throw error
  }
}

function readServerName(body: Buffer): string | undefined {
  const hello = new Cursor(body)
  hello.take(2)
  hello.take(randomBytes)
  if (hello.takeVector(1).length > longestSessionId) throw new HelloSyntaxError()
  const cipherSuites = hello.takeVector(2)
  if (cipherSuites.length < 2 || cipherSuites.length % 2 !== 0) throw new HelloSyntaxError()
  if (hello.takeVector(1).length === 0) throw new HelloSyntaxError()
  if (hello.isAtEnd) return undefined
  const extensions = new Cursor(hello.takeVector(2))
  if (!hello.isAtEnd) throw new HelloSyntaxError()
  let name: string | undefined
  while (!extensions.isAtEnd) {
    const type = extensions.take(2).readUInt16BE()
    const content = extensions.takeVector(2)
    if (type !== serverNameExtension) continue
    if (name !== undefined) throw new HelloSyntaxError()
    name = readHostName(content)
  }
  return name
}

/** The list has at most one name of a kind, and no other kind has ever been defined. */
function readHostName(content: Buffer): string {
  const extension = new Cursor(content)
  const list = new Cursor(extension.takeVector(2))
  const kind = list.take(1)[0]
  const name = list.takeVector(2)
  if (kind !== hostName || name.length === 0 || !list.isAtEnd || !extension.isAtEnd)
    throw new HelloSyntaxError()
  return name.toString('latin1').toLowerCase()
}

/** Goes through bytes. Throws `HelloSyntaxError` when there are not enough. */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + count)
    if (taken.length < count) throw new HelloSyntaxError()
    this.#at += count
    return taken
  }

  /** What stands behind a length of so many bytes. */
  takeVector(lengthBytes: 1 | 2): Buffer {
    return this.take(this.take(lengthBytes).readUIntBE(0, lengthBytes))
  }
}
