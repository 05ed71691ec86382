/** What the proxy does with a header, in either direction. */
export type HeaderKind =
  /** Passed on as it came. */
  | 'pass'
  /** Belongs to one connection (RFC 9110 section 7.6.1), never passed on. */
  | 'hop'
  /** Tells where a request came from or who sent it: only a trusted proxy may say so. */
  | 'forwarding'
  /** Reserved for the platform; never from outside. */
  | 'reserved'
  | 'connection'
  | 'keep-alive'
  | 'transfer-encoding'
  | 'content-length'
  | 'expect'
  | 'host'
  | 'cookie'
  /** In a response: takes effect beyond the path that was asked for, so not everybody may say it. */
  | 'far-reaching'
  | 'authorization'
  | 'origin'
  | 'accept'
  | 'date'

const special: Readonly<Record<string, HeaderKind>> = {
  connection: 'connection',
  'keep-alive': 'keep-alive',
  'proxy-connection': 'hop',
  'proxy-authorization': 'hop',
  te: 'hop',
  trailer: 'hop',
  upgrade: 'hop',
  'http2-settings': 'hop',
  'transfer-encoding': 'transfer-encoding',
  'content-length': 'content-length',
  expect: 'expect',
  host: 'host',
  cookie: 'cookie',
  authorization: 'authorization',
  origin: 'origin',
  accept: 'accept',
  date: 'date',
  forwarded: 'forwarding',
  'x-real-ip': 'forwarding',
  'x-scheme': 'forwarding',
  'x-forwarded-for': 'forwarding',
  'x-forwarded-proto': 'forwarding',
  'x-forwarded-host': 'forwarding',
  'x-forwarded-port': 'forwarding',
}

/**
 * Responses of servers and services may not have these. Browsers take them for the whole host, which the platform and all users share; the
 * last few are orders to a web server that may stand in front.
 */
export const platformHeaders: readonly string[] = [
  'alt-svc',
  'clear-site-data',
  'nel',
  'report-to',
  'strict-transport-security',
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'x-sendfile',
]
const farReaching = [...platformHeaders, 'cross-origin-opener-policy', 'service-worker-allowed', 'set-cookie']

/** Headers of most requests and responses, so that they cost one look-up. */
const ordinary = [
  'user-agent',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-security-policy',
  'content-type',
  'etag',
  'expires',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'location',
  'pragma',
  'referer',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'server',
  'vary',
  'x-content-type-options',
  'x-jupyterhub-version',
  'x-xsrftoken',
]

/**
 * What proxies tell of clients, their own paths and users. Programs behind us may believe such a header because no browser sends it; so no
 * client may.
 */
const forwarding =
  /^(?:x-forwarded|x-original-|x-rewrite-url|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|x-url-scheme|front-end-https|remote-(?:user|groups?|name|email)|x-remote-|x-webauth-|x-auth-request-|x-authenticated-|x-authentik-)/

/** By name as it is usually written: in lower case, and With-Capitals. */
const kindByName: ReadonlyMap<string, HeaderKind> = new Map(
  [
    ...Object.entries(special),
    ...farReaching.map((name): [string, HeaderKind] => [name, 'far-reaching']),
    ...ordinary.map((name): [string, HeaderKind] => [name, 'pass']),
  ].flatMap(([name, kind]) => [
    [name, kind],
    [name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()), kind],
  ]),
)

/** The kind of a header whose name is known to the proxy; undefined for others, whose spelling may need a check. */
export function findHeaderKind(name: string): HeaderKind | undefined {
  return kindByName.get(name)
}

/** The kind of any header. */
export function getHeaderKind(name: string): HeaderKind {
  const kind = kindByName.get(name)
  if (kind !== undefined) return kind
  const lowerCase = name.toLowerCase()
  // A CGI-like backend reads X_Forwarded_For as X-Forwarded-For (nginx drops such names for the same reason).
  const spelling = lowerCase.includes('_') ? lowerCase.replaceAll('_', '-') : lowerCase
  if (forwarding.test(spelling)) return 'forwarding'
  if (spelling.startsWith('x-atrium-')) return 'reserved'
  const known = kindByName.get(spelling)
  if (known === undefined) return 'pass'
  return spelling === lowerCase || known === 'pass' ? known : 'hop'
}

/** Tokens of a list header in lower case: `keep-alive, X-Foo` is `['keep-alive', 'x-foo']`. */
export function parseTokens(value: string): string[] {
  return value.split(',').map((token) => token.trim().toLowerCase())
}
