/** First messages of TLS connections, made by hand: as small as they can be, or wrong. */

/** A ClientHello in one record, which asks for `serverName`, or for nobody. */
export function buildClientHello(serverName?: string): Buffer {
  return buildHello(serverName === undefined ? Buffer.alloc(0) : buildServerName([0, serverName]))
}

/** A ClientHello with these extensions; undefined: of a client that knows of none. */
export function buildHello(extensions: Buffer | undefined): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0x13, 0x01, 1, 0]),
    ...(extensions === undefined ? [] : [lengthOf(extensions), extensions]),
  ])
  const message = Buffer.concat([Buffer.from([1, 0]), lengthOf(body), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), lengthOf(message), message])
}

export function buildExtension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), lengthOf(content), content])
}

/** The extension that asks for names; a list of one host name (kind 0) in earnest. */
export function buildServerName(...names: readonly [kind: number, name: string][]): Buffer {
  const list = names.map(([kind, text]) =>
    Buffer.concat([Buffer.from([kind]), lengthOf(Buffer.from(text)), Buffer.from(text)]),
  )
  return buildExtension(0, Buffer.concat([lengthOf(Buffer.concat(list)), ...list]))
}

/** The same handshake in records of `size` bytes. */
export function cutIntoRecords(hello: Buffer, size: number): Buffer {
  const records = cut(hello.subarray(5), size).map((content) =>
    Buffer.concat([Buffer.from([22, 3, 1]), lengthOf(content), content]),
  )
  return Buffer.concat(records)
}

/** Bytes in pieces of `size`. */
export function cut(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}

function lengthOf(bytes: Buffer): Buffer {
  return Buffer.from([bytes.length >> 8, bytes.length & 0xff])
}
