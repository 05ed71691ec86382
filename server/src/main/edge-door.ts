import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

import { buildSharedKeyServerOptions, type SharedKey } from '#platform/shared-key-tls.ts'
import { WrongUsage } from './wrong-usage.ts'

/** Connections kept between requests; edges close them a little earlier, as the answers tell them. */
const idleMs = 72_000
/** Longer than anything but a stream takes; streams are resumed elsewhere. */
const closeWithinMs = 12_000

export interface EdgeDoorOptions {
  /** `address:port`. */
  listen: string
  key: SharedKey
  onRequest: (request: IncomingMessage, response: ServerResponse) => void
}

/** Where edges of other machines send requests to. */
export interface EdgeDoor {
  /** For the list of replicas. */
  readonly address: string
  /** Accepts nobody any more; resolves when the last request was answered. */
  close(): Promise<void>
}

/**
 * Listens for edges of other machines: whoever cannot prove in the TLS handshake that they have the key of edges does not get as far as a
 * request. So what is believed of edges (`X-Forwarded-*`) nobody else can say. Rejects when the port cannot be had.
 */
export async function openEdgeDoor({ listen, key, onRequest }: EdgeDoorOptions): Promise<EdgeDoor> {
  const { host, port } = parseListen(listen)
  const server = createServer(
    {
      ...buildSharedKeyServerOptions(key),
      noDelay: true,
      keepAlive: true,
      keepAliveTimeout: idleMs,
      // Large bodies over slow lines take their time; the edge sees to those that stand still.
      requestTimeout: 0,
    },
    onRequest,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    address: `tls+psk://${bracket(findOwnAddress(host))}:${port}`,
    close: () => closeServer(server),
  }
}

function closeServer(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), closeWithinMs)
  return new Promise((resolve) => {
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** Reads `10.0.0.7:8001` or `[::1]:8001`. Throws `WrongUsage`. */
export function parseListen(text: string): { host: string; port: number } {
  const [, v6, v4, port] = /^(?:\[([\da-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = v6 ?? v4
  if (host === undefined || Number(port) > 65_535)
    throw new WrongUsage(`--listen ${text}: an address and a port look like 10.0.0.7:8001 or [fd00::7]:8001.`)
  return { host, port: Number(port) }
}

/** Where others reach who listens on all addresses: a pod has one. */
function findOwnAddress(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outward = addresses.filter(({ internal, scopeid }) => !internal && !scopeid)
  const own = outward.find(({ family }) => family === 'IPv4') ?? outward[0]
  return own?.address ?? '127.0.0.1'
}

function bracket(address: string): string {
  return isIPv6(address) ? `[${address}]` : address
}
