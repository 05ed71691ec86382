/** A piece of a server's output. */
export interface LogPart {
  /** The byte to go on from. */
  id: string
  data: { text: string }
}

/**
 * Output as text, cut between characters. `id` counts bytes, so that a reader who comes back with it misses nothing and reads nothing
 * twice; bytes that are no UTF-8 become U+FFFD.
 */
export async function* followLog(output: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<LogPart> {
  let read = offset
  let rest = Buffer.alloc(0)
  for await (const bytes of output) {
    const all = Buffer.concat([rest, bytes])
    const end = findCharacterEnd(all)
    rest = all.subarray(end)
    if (end === 0) continue
    read += end
    yield { id: String(read), data: { text: all.toString('utf8', 0, end) } }
  }
  if (rest.length > 0) yield { id: String(read + rest.length), data: { text: rest.toString('utf8') } }
}

const longestCharacter = 4

/** The end of the last whole character. */
function findCharacterEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(longestCharacter, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    const isContinuation = (byte & 0xc0) === 0x80
    if (isContinuation) continue
    return lengthOfCharacter(byte) > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

function lengthOfCharacter(firstByte: number): number {
  if (firstByte >= 0xf0) return 4
  if (firstByte >= 0xe0) return 3
  return firstByte >= 0xc0 ? 2 : 1
}
