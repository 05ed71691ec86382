import { BlockList, isIP, type Socket } from 'node:net'

/** What the connection itself says of a client. */
export interface ClientAddress {
  ip: string
  /** A proxy from the list: what it says of its own clients is believed. */
  isTrustedProxy: boolean
  /** True for the address of any proxy from the list. */
  isTrusted: (ip: string) => boolean
}

/** Finds the address of a connection's other end; the answer is kept with the connection. */
export function createClientAddresses(trustedProxies: readonly string[]): (socket: Socket) => ClientAddress {
  const trusted = buildBlockList(trustedProxies)
  const isTrusted = (ip: string) => ip !== '' && trusted.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
  const known = new WeakMap<Socket, ClientAddress>()
  return (socket) => {
    const present = known.get(socket)
    if (present !== undefined) return present
    const ip = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
    const address = { ip, isTrustedProxy: isTrusted(ip), isTrusted }
    known.set(socket, address)
    return address
  }
}

/** Reads addresses and CIDR ranges (`10.0.0.0/8`, `::1`). Throws on anything else. */
export function buildBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const version = isIP(address)
    if (version === 0) throw new Error(`not an address or CIDR range: ${range}`)
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, parsePrefixLength(prefix, version, range), family)
  }
  return list
}

function parsePrefixLength(prefix: string, version: number, range: string): number {
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (!(length <= (version === 6 ? 128 : 32))) throw new Error(`not an address or CIDR range: ${range}`)
  return length
}
