import { createHash, generateKeyPair, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'

/** What a cluster's scheduler, workers and clients prove themselves with: one certificate for all, which is its own authority. PEM. */
export interface Certificate {
  certificate: string
  key: string
}

const yearMs = 365.25 * 86_400_000
/** Nodes' clocks may be behind. */
const backdatedMs = 86_400_000
/** No cluster runs for longer; its key is gone with it. */
const lifeMs = 10 * yearMs

/**
 * A new EC key (P-256) with a self-signed certificate for these names (RFC 5280; as strict as OpenSSL's X509_STRICT, which Python 3.13
 * asks for). One fixed form, so that it takes no library.
 */
export async function createCertificate(names: readonly string[], nowMs: number): Promise<Certificate> {
  const pair = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' })
  const toBeSigned = buildBody(names, publicKey, nowMs)
  const signature = sign('sha256', toBeSigned, { key: pair.privateKey, dsaEncoding: 'der' })
  const certificate = sequence(toBeSigned, signedBySha256, bits(signature))
  return {
    certificate: toPem('CERTIFICATE', certificate),
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** TBSCertificate of RFC 5280 section 4.1. */
function buildBody(names: readonly string[], publicKey: Buffer, nowMs: number): Buffer {
  const commonName = sequence(oid('2.5.4.3'), der(tags.utf8, Buffer.from('dask-internal')))
  const name = sequence(der(tags.set, commonName))
  return sequence(
    der(tags.explicit0, integer(Buffer.from([2]))),
    integer(buildSerial()),
    signedBySha256,
    name,
    sequence(time(nowMs - backdatedMs), time(nowMs + lifeMs)),
    name,
    publicKey,
    der(tags.explicit3, sequence(...buildExtensions(names, publicKey))),
  )
}

/** Sections 4.2.1.1-4.2.1.12 of RFC 5280. */
function buildExtensions(names: readonly string[], publicKey: Buffer): readonly Buffer[] {
  // The point is the end of the key's structure: 4, x, y. Its name is by method 1 of RFC 7093 section 2.
  const keyId = createHash('sha256').update(publicKey.subarray(-65)).digest().subarray(0, 20)
  const alternatives = names.map((name) => der(tags.context2, Buffer.from(name)))
  return [
    // No authority over anything but itself.
    extension('2.5.29.19', sequence(), true),
    // digitalSignature, the first bit of a byte with seven unused.
    extension('2.5.29.15', der(tags.bits, Buffer.from([7, 0x80])), true),
    // serverAuth, clientAuth.
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
    extension('2.5.29.17', sequence(...alternatives)),
    extension('2.5.29.14', der(tags.octets, keyId)),
    extension('2.5.29.35', sequence(der(tags.context0, keyId))),
  ]
}

/** 16 random bytes, positive and without leading zeros. */
function buildSerial(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}

/** Tags of DER (ITU-T X.690 section 8). */
const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0x80,
  context2: 0x82,
  explicit0: 0xa0,
  explicit3: 0xa3,
} as const

const signedBySha256 = sequence(oid('1.2.840.10045.4.3.2'))

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), encodeLength(content.length), content])
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(tags.sequence, ...parts)
}

function integer(bytes: Buffer): Buffer {
  return der(tags.integer, bytes)
}

function bits(bytes: Buffer): Buffer {
  return der(tags.bits, Buffer.from([0]), bytes)
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der(tags.boolean, Buffer.from([0xff]))] : []
  return sequence(oid(id), ...flag, der(tags.octets, value))
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(encodeBase128)]))
}

function encodeBase128(value: number): readonly number[] {
  const digits = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

/** Years from 2050 on are written with four digits (RFC 5280 section 4.1.2.5). */
function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
  const isLate = new Date(atMs).getUTCFullYear() >= 2050
  return isLate
    ? der(tags.generalizedTime, Buffer.from(digits))
    : der(tags.utcTime, Buffer.from(digits.slice(2)))
}

function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
