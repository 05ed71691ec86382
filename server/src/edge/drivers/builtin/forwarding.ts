/** Who a request came from, as its next reader is told: `X-Forwarded-*` and `X-Real-IP`, written anew by the edge. */
import { isIP } from 'node:net'

import type { ClientAddress } from './client-address.ts'

/** What a trusted proxy said of its client. */
export type Forwarding = Partial<Record<'for' | 'proto' | 'host' | 'port', string>>

const fields: Readonly<Record<string, keyof Forwarding>> = {
  'x-forwarded-for': 'for',
  'x-forwarded-proto': 'proto',
  'x-forwarded-host': 'host',
  'x-forwarded-port': 'port',
}
/** Many proxies pass these on as a client wrote them; what they could say stands in the others. */
const neverPassed: ReadonlySet<string> = new Set(['forwarded', 'x-real-ip'])
const validHost = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

/** True for `name`, `name:port` and `[IPv6]:port`. */
export function isValidHost(host: string): boolean {
  return validHost.test(host)
}

/** Notes what a trusted proxy said. False: the header is none of those that are written anew, and may pass. */
export function noteForwarding(said: Forwarding, name: string, value: string): boolean {
  const key = name.toLowerCase()
  const field = fields[key]
  if (field === undefined) return neverPassed.has(key)
  const before = said[field]
  said[field] = before === undefined ? value : `${before}, ${value}`
  return true
}

/** The public host: what a trusted proxy said if it makes sense, else the request's own. */
export function findPublicHost({ host }: Forwarding, requestHost: string): string {
  return host !== undefined && isValidHost(host) ? host : requestHost
}

/** The header lines that tell where a request came from. */
export function buildForwardingLines(
  said: Forwarding,
  { client, scheme, publicHost }: { client: ClientAddress; scheme: string; publicHost: string },
): string {
  const addresses = said.for === undefined ? client.ip : findAddresses(said.for, client)
  const proto = said.proto === 'https' || said.proto === 'http' ? said.proto : scheme
  const port = /^\d{1,5}$/.test(said.port ?? '') ? said.port : findPort(publicHost, proto)
  const [realIp] = addresses.split(', ', 1)
  return (
    `x-forwarded-for: ${addresses}\r\nx-forwarded-proto: ${proto}\r\nx-forwarded-port: ${port}\r\n` +
    `x-forwarded-host: ${publicHost}\r\nx-real-ip: ${realIp}\r\n`
  )
}

/**
 * The client and the trusted proxies between, the client first. Each proxy appends whom it heard from, so the list is good from its end up to
 * the first address that is no trusted proxy; what stands before may be a client's invention.
 */
function findAddresses(list: string, client: ClientAddress): string {
  const said = list.split(',').map((entry) => stripPort(entry.trim()))
  let start = said.length
  while (start > 0 && isIP(said[start - 1] as string) !== 0) {
    start -= 1
    if (!client.isTrusted(said[start] as string)) break
  }
  return [...said.slice(start), client.ip].join(', ')
}

/** `1.2.3.4:567` and `[::1]:567` are what some proxies write. */
function stripPort(address: string): string {
  const [, v4, v6] = /^(?:([\d.]+)|\[([\da-f:.]+)\])(?::\d+)?$/i.exec(address) ?? []
  return v4 ?? v6 ?? address
}

function findPort(host: string, proto: string): string {
  const colon = host.lastIndexOf(':')
  if (colon > host.lastIndexOf(']')) return host.slice(colon + 1)
  return proto === 'https' ? '443' : '80'
}
