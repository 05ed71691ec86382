/**
 * Connections between parts of the platform on different machines, secured by one key that both ends hold: TLS 1.3 with an external
 * pre-shared key (RFC 8446 section 2.2). Both ends prove that they have it, nothing can be read, replayed or changed on the way, and an
 * address that went to another machine gets nothing: there are no certificates to issue, to renew or to forget.
 */
import { hkdfSync } from 'node:crypto'
import type { OnReadOpts, Socket } from 'node:net'
import { connect, type PeerCertificate, type TlsOptions } from 'node:tls'

/** What a connection is for: the key of the one opens nothing of the other. */
export type KeyPurpose = 'steering of edges' | 'requests to control planes'

/** A key for one purpose; both ends derive the same from what they share. */
export interface SharedKey {
  identity: KeyPurpose
  secret: Buffer
}

export function deriveSharedKey(key: Buffer, purpose: KeyPurpose): SharedKey {
  return { identity: purpose, secret: Buffer.from(hkdfSync('sha256', key, '', `atrium ${purpose}`, 32)) }
}

/** The one suite for which OpenSSL takes keys from callbacks in TLS 1.3. The exchange of fresh keys stays, so that old traffic stays secret. */
const onlyThis = {
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
} as const

const handshakeMs = 5000

/** For `tls.createServer` and `https.createServer`: who has not the key is sent away in the handshake. */
export function buildSharedKeyServerOptions({ identity, secret }: SharedKey): TlsOptions {
  return {
    ...onlyThis,
    handshakeTimeout: handshakeMs,
    pskCallback: (_socket, name) => (name === identity ? secret : null),
  }
}

/** Connects; `secureConnect` is emitted when the other end has proved that it has the key. */
export function connectBySharedKey(
  address: { host: string; port: number },
  { identity, secret }: SharedKey,
  more: { onread?: OnReadOpts } = {},
): Socket {
  return connect({
    ...address,
    ...more,
    ...onlyThis,
    pskCallback: () => ({ identity, psk: secret }),
    checkServerIdentity: refuseCertificate,
  })
}

/** A server that has not the key could offer a certificate instead, and one that anybody trusts is easily had. */
function refuseCertificate(_host: string, certificate: PeerCertificate): Error | undefined {
  return Object.keys(certificate ?? {}).length === 0
    ? undefined
    : new Error('the other end has a certificate, and not the key')
}
