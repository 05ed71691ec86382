/** Follows the frames of a websocket (RFC 6455 section 5.2) in a stream of bytes, as cheaply as it can: headers are read, payloads skipped. */
export class WebsocketFrames {
  /** Payload bytes of the present frame still to come. */
  #remaining = 0
  #isData = false
  /** The header of the next frame, when it came in parts. */
  readonly #header = Buffer.alloc(14)
  #headerBytes = 0

  /** True when the bytes hold, or go on with, a frame that carries data: not only pings, pongs and closes. */
  feed(bytes: Buffer): boolean {
    let hasData = false
    let at = 0
    while (at < bytes.length) {
      if (this.#remaining > 0) {
        const skipped = Math.min(this.#remaining, bytes.length - at)
        this.#remaining -= skipped
        at += skipped
        hasData ||= this.#isData
        continue
      }
      this.#header[this.#headerBytes] = bytes[at] as number
      this.#headerBytes += 1
      at += 1
      if (this.#readHeader()) hasData ||= this.#isData
    }
    return hasData
  }

  /** True at the moment when a header is complete. */
  #readHeader(): boolean {
    const length = this.#headerBytes
    if (length < 2) return false
    const second = this.#header[1] as number
    const short = second & 0x7f
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    if (length < 2 + extended + (second & 0x80 ? 4 : 0)) return false
    if (extended === 0) this.#remaining = short
    else if (extended === 2) this.#remaining = this.#header.readUInt16BE(2)
    else this.#remaining = Number(this.#header.readBigUInt64BE(2))
    // Opcodes from 8 on are control frames.
    this.#isData = ((this.#header[0] as number) & 0x0f) < 8
    this.#headerBytes = 0
    return true
  }
}
