/** Output that comes in pieces, passed on line by line with something before each. */
export interface LinePrefix {
  write(bytes: Buffer): void
  /** Passes on a last line without its end. */
  end(): void
}

const newline = 0x0a
/** A line without end is passed on in pieces of this size. */
const longestLine = 64 * 1024

/** See `LinePrefix`. Lines of several writers do not mix. */
export function createLinePrefix(prefix: string, write: (bytes: Buffer) => unknown): LinePrefix {
  let rest = Buffer.alloc(0)
  const passOn = (line: Buffer) => write(Buffer.concat([Buffer.from(prefix), line]))
  return {
    write(bytes) {
      rest = Buffer.concat([rest, bytes])
      for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
        passOn(rest.subarray(0, end + 1))
        rest = rest.subarray(end + 1)
      }
      if (rest.length > longestLine) this.end()
    },
    end() {
      if (rest.length > 0) passOn(Buffer.concat([rest, Buffer.from('\n')]))
      rest = Buffer.alloc(0)
    },
  }
}
