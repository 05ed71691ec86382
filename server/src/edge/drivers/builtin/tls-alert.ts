import type { Socket } from 'node:net'

/** Why a TLS connection goes nowhere, as its client's TLS tells it (RFC 8446 section 6.2). */
export const tlsAlerts = { decodeError: 50, internalError: 80, unrecognizedName: 112 } as const

export type TlsAlert = keyof typeof tlsAlerts

/** A client that does not close gets this long to read why it should. */
const readWithinMs = 1000
const alertRecord = 21
const fatal = 2

/** Ends a connection on which the server has said nothing yet. */
export function refuseTls(client: Socket, alert: TlsAlert): void {
  client.end(Buffer.from([alertRecord, 3, 3, 0, 2, fatal, tlsAlerts[alert]]))
  // Closed with something unread, TCP would reset the connection, and the alert might be lost with it.
  client.resume()
  const timer = setTimeout(() => client.destroy(), readWithinMs)
  client.once('close', () => clearTimeout(timer))
}
