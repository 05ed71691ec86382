/** Where an upstream listens: a TCP port or a unix socket. */
export type UpstreamAddress = { host: string; port: number } | { path: string }

/** Reads `http://host:port` or `unix:/path`. Undefined for anything else, `https:` and paths behind the port included. */
export function parseUpstreamAddress(target: string): UpstreamAddress | undefined {
  if (target.startsWith('unix:/')) return { path: target.slice('unix:'.length) }
  const url = URL.parse(target)
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.username !== '')
    return undefined
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return { host, port: url.port === '' ? 80 : Number(url.port) }
}
