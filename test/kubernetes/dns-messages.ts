/** As much of RFC 1035 section 4 as a resolver needs that asks for addresses. */

export interface DnsQuestion {
  id: number
  /** In lower case, without a dot at its end. */
  name: string
  /** 1: A, 28: AAAA. */
  type: number
  /** As it came, from the name to the class. */
  bytes: Buffer
}

const headerBytes = 12
const addressType = 1
const ttlS = 5
const codes = { answered: 0, broken: 2, unknown: 3 } as const
/** A name that stands where the question's is. */
const pointer = 0xc00c

/** The one question of a query; undefined for anything else. */
export function readDnsQuestion(message: Buffer): DnsQuestion | undefined {
  if (message.length < headerBytes + 5 || message.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = headerBytes
  for (let length = message.readUInt8(at); length !== 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
    if (at + 5 > message.length) return undefined
  }
  return {
    id: message.readUInt16BE(0),
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    bytes: message.subarray(headerBytes, at + 5),
  }
}

/** `addresses`: IPv4; undefined when there is no such name; `broken` when nobody knows. */
export function buildDnsAnswer(
  { id, type, bytes }: DnsQuestion,
  addresses: readonly string[] | undefined | 'broken',
): Buffer {
  const list = type === addressType && addresses !== 'broken' ? (addresses ?? []) : []
  const code =
    addresses === 'broken' ? codes.broken : addresses === undefined ? codes.unknown : codes.answered
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(id, 0)
  // An answer, by who is the authority, to who may have wanted recursion.
  header.writeUInt16BE(0x8580 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(list.length, 6)
  return Buffer.concat([header, bytes, ...list.map(buildRecord)])
}

function buildRecord(address: string): Buffer {
  const record = Buffer.alloc(16)
  record.writeUInt16BE(pointer, 0)
  record.writeUInt16BE(addressType, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(ttlS, 6)
  record.writeUInt16BE(4, 10)
  for (const [index, part] of address.split('.').entries()) record.writeUInt8(Number(part), 12 + index)
  return record
}
