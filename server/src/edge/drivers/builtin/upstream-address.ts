/** Where an upstream listens: a TCP port or a unix socket; or a TCP port of a control plane that both sides need a key for. */
export type UpstreamAddress =
  | { host: string; port: number }
  | { path: string }
  | { host: string; port: number; isSealed: true }

/**
 * Reads `http://host:port`, `unix:/path` or `tls+psk://host:port`. Undefined for anything else, `https:` and paths behind the port included.
 */
export function parseUpstreamAddress(target: string): UpstreamAddress | undefined {
  if (target.startsWith('unix:/')) return { path: target.slice('unix:'.length) }
  const url = URL.parse(target)
  if (url === null || !['/', ''].includes(url.pathname) || url.search !== '' || url.username !== '')
    return undefined
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  if (url.protocol === 'http:') return { host, port: url.port === '' ? 80 : Number(url.port) }
  if (url.protocol !== 'tls+psk:' || host === '' || url.port === '') return undefined
  return { host, port: Number(url.port), isSealed: true }
}
