/** Where a tunnel leads. */
export interface TunnelAddress {
  host: string
  port: number
}

/** Reads `tcp://host:port`, an IPv6 address in brackets. Undefined for anything else. */
export function parseTunnelTarget(target: string): TunnelAddress | undefined {
  const [, v6, name, port] = /^tcp:\/\/(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(target) ?? []
  const host = v6 ?? name
  const number = Number(port)
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number }
}

/** True for a name as a ClientHello has it (RFC 6066 section 3: ASCII, no dot at its end), in lower case. */
export function isServerName(name: string): boolean {
  return name.length <= 255 && /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/.test(name)
}

/** What is wrong with a tunnel; undefined: nothing. */
export function findTunnelProblem(tunnel: { serverName: string; target: string }): string | undefined {
  if (!isServerName(tunnel.serverName)) return `not a server name in lower case: ${tunnel.serverName}`
  if (parseTunnelTarget(tunnel.target) === undefined) return `not tcp://host:port: ${tunnel.target}`
  return undefined
}
