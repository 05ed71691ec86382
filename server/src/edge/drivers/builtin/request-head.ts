/** Reads the headers of a client's request and writes those of the request to the upstream. */
import type { IncomingMessage } from 'node:http'

import type { ClientAddress } from './client-address.ts'
import { getHeaderKind, parseTokens } from './header-kinds.ts'
import { splitCookieHeader } from './session-cookie.ts'

/** What the proxy has to know of a request's headers. */
export interface RequestHead {
  /** Header lines to pass on, each with its line end. */
  lines: string
  /** The public host as the client, or a trusted proxy before it, names it. Empty in HTTP/1.0 without one. */
  host: string
  hosts: number
  authorization: string | undefined
  accept: string
  origin: string | undefined
  /** Values of the session cookie. */
  sessions: string[]
  hasBody: boolean
  isChunked: boolean
  /** Announced size of the body in bytes; undefined when chunked. */
  contentLength: number | undefined
  expectsContinue: boolean
  hasUnknownCoding: boolean
  /** What a trusted proxy said of its client. */
  said: Partial<Forwarding>
}

export interface RequestHeadOptions {
  client: ClientAddress
  /** `http` or `https`: how clients reach the edge. */
  scheme: string
  sessionCookieName: string
  /** The session cookie goes to the control plane alone. */
  keepsSession: boolean
}

/** The values of the forwarding headers that are rewritten rather than passed on. */
interface Forwarding {
  'x-forwarded-for': string
  'x-forwarded-proto': string
  'x-forwarded-host': string
  'x-forwarded-port': string
  'x-real-ip': string
  forwarded: string
}

const validHost = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
const rewritten: ReadonlySet<string> = new Set<keyof Forwarding>([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
])
const neverHidden: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'cookie',
  'authorization',
  'origin',
])

/**
 * Reads a request's headers. Undefined when they are not to be trusted: several hosts or one that is none, a transfer coding besides
 * `chunked`.
 */
export function readRequestHead(
  request: IncomingMessage,
  options: RequestHeadOptions,
): RequestHead | undefined {
  const { rawHeaders } = request
  const head = createRequestHead()
  const hidden = findConnectionHeaders(rawHeaders)
  let lines = ''
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (hidden?.has(name.toLowerCase())) continue
    lines += readHeader(head, name, rawHeaders[index + 1] as string, options)
  }
  if (head.hosts === 0) lines += 'host: localhost\r\n'
  if (head.hosts > 1 || (head.hosts === 1 && !validHost.test(head.host)) || head.hasUnknownCoding)
    return undefined
  head.lines = lines + buildForwardingLines(head, options)
  return head
}

/** The start of the request to the upstream. The target is passed on as it came. */
export function buildUpstreamHead(method: string, target: string, lines: string): string {
  return `${method} ${target} HTTP/1.1\r\n${lines}\r\n`
}

function createRequestHead(): RequestHead {
  return {
    lines: '',
    host: '',
    hosts: 0,
    authorization: undefined,
    accept: '',
    origin: undefined,
    sessions: [],
    hasBody: false,
    isChunked: false,
    contentLength: undefined,
    expectsContinue: false,
    hasUnknownCoding: false,
    said: {},
  }
}

/** Notes what matters of a header; the answer is the line to pass on, or nothing. */
function readHeader(head: RequestHead, name: string, value: string, options: RequestHeadOptions): string {
  switch (getHeaderKind(name)) {
    case 'hop':
    case 'reserved':
    case 'connection':
    case 'keep-alive':
      return ''
    case 'forwarding':
      return options.client.isTrustedProxy ? readForwarding(head.said, name, value) : ''
    case 'cookie':
      return readCookies(head, value, options)
    case 'transfer-encoding':
      head.hasUnknownCoding ||= head.isChunked || value.toLowerCase() !== 'chunked'
      head.isChunked = true
      head.hasBody = true
      break
    case 'content-length':
      head.contentLength = Number(value)
      head.hasBody = head.contentLength > 0
      break
    case 'expect':
      head.expectsContinue = true
      break
    case 'host':
      head.hosts += 1
      head.host = value
      break
    case 'authorization':
      head.authorization ??= value
      break
    case 'accept':
      head.accept += value
      break
    case 'origin':
      head.origin = value
      break
    default:
  }
  return `${name}: ${value}\r\n`
}

/** Names that `Connection` lists (RFC 9110 section 7.6.1), except those that frame the message or say who asks. */
function findConnectionHeaders(rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = rawHeaders[index + 1] as string
    if (value === 'keep-alive' || value === 'close' || value === 'Upgrade') continue
    names ??= new Set()
    for (const token of parseTokens(value)) if (!neverHidden.has(token)) names.add(token)
  }
  return names
}

function readCookies(
  head: RequestHead,
  value: string,
  { keepsSession, sessionCookieName }: RequestHeadOptions,
): string {
  const { sessions, rest } = splitCookieHeader(value, sessionCookieName)
  head.sessions.push(...sessions)
  if (keepsSession) return `cookie: ${value}\r\n`
  return rest === '' ? '' : `cookie: ${rest}\r\n`
}

/** Keeps what the edge rewrites; other forwarding headers of a trusted proxy pass as they are. */
function readForwarding(said: Partial<Forwarding>, name: string, value: string): string {
  const key = name.toLowerCase() as keyof Forwarding
  if (!rewritten.has(key)) return `${name}: ${value}\r\n`
  const before = said[key]
  said[key] = before === undefined ? value : `${before}, ${value}`
  return ''
}

/** Says where the request came from. `X-Forwarded-For` and `Forwarded` are lists to which each proxy appends. */
function buildForwardingLines(head: RequestHead, { client, scheme }: RequestHeadOptions): string {
  const { said } = head
  const proto = said['x-forwarded-proto'] ?? scheme
  const before = said['x-forwarded-for'] === undefined ? '' : `${said['x-forwarded-for']}, `
  head.host = said['x-forwarded-host'] ?? head.host
  const port = said['x-forwarded-port'] ?? findPort(head.host, proto)
  let lines =
    `x-forwarded-for: ${before}${client.ip}\r\nx-forwarded-proto: ${proto}\r\nx-forwarded-port: ${port}\r\n` +
    `x-forwarded-host: ${head.host}\r\nx-real-ip: ${said['x-real-ip'] ?? client.ip}\r\n`
  if (said.forwarded !== undefined)
    lines += `forwarded: ${said.forwarded}, for="${formatNode(client.ip)}"\r\n`
  return lines
}

function findPort(host: string, proto: string): string {
  const colon = host.lastIndexOf(':')
  if (colon > host.lastIndexOf(']')) return host.slice(colon + 1)
  return proto === 'https' ? '443' : '80'
}

/** RFC 7239 section 6. */
function formatNode(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip
}
