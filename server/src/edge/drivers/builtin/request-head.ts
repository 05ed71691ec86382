/** Reads the headers of a client's request and writes those of the request to the upstream. */
import type { IncomingMessage } from 'node:http'

import type { ClientAddress } from './client-address.ts'
import {
  buildForwardingLines,
  type Forwarding,
  findPublicHost,
  isValidHost,
  noteForwarding,
} from './forwarding.ts'
import { getHeaderKind, type HeaderKind, parseTokens } from './header-kinds.ts'
import { splitCookieHeader } from './session-cookie.ts'

/** What the proxy has to know of a request's headers. */
export interface RequestHead {
  /** Header lines to pass on, each with its line end. */
  lines: string
  /** The request target to pass on. */
  target: string
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
  said: Forwarding
}

export interface RequestHeadOptions {
  client: ClientAddress
  /** `http` or `https`: how clients reach the edge. */
  scheme: string
  sessionCookieName: string
  /** The session cookie goes to the control plane alone. */
  keepsSession: boolean
  /** Nothing of a credential is passed on: what is behind has no use for it, and belongs to whoever started it. */
  hidesCredentials: boolean
  /** What the target knows the edge by. */
  proof?: string | undefined
}

/** `Connection` cannot name them: they frame the message, or say who asks. */
const neverHidden: ReadonlySet<HeaderKind> = new Set<HeaderKind>([
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
  'cookie',
  'authorization',
  'origin',
  'forwarding',
])

/**
 * Reads a request's headers. Undefined when they are not to be trusted: several hosts or one that is none, a transfer coding besides
 * `chunked`, or any in HTTP/1.0.
 */
export function readRequestHead(
  request: IncomingMessage,
  options: RequestHeadOptions,
): RequestHead | undefined {
  const { rawHeaders, httpVersion } = request
  const head = createRequestHead(request.url as string)
  const hidden = findConnectionHeaders(rawHeaders)
  let lines = ''
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (hidden?.has(name.toLowerCase())) continue
    lines += readHeader(head, name, rawHeaders[index + 1] as string, options)
  }
  if (head.hosts === 0) lines += 'host: localhost\r\n'
  if (head.hosts > 1 || (head.hosts === 1 && !isValidHost(head.host)) || head.hasUnknownCoding)
    return undefined
  if (httpVersion === '1.0') {
    if (head.isChunked) return undefined
    // Such a client understands no interim response (RFC 9110 section 10.1.1).
    head.expectsContinue = false
  }
  const { client, scheme, proof } = options
  // Of a client no header of that name passes.
  if (proof !== undefined) lines += `x-atrium-proof: ${proof}\r\n`
  head.host = findPublicHost(head.said, head.host)
  head.lines = lines + buildForwardingLines(head.said, { client, scheme, publicHost: head.host })
  if (options.hidesCredentials) head.target = hideQueryToken(head.target)
  return head
}

/** The start of the request to the upstream. */
export function buildUpstreamHead(method: string, { target }: RequestHead, lines: string): string {
  return `${method} ${target} HTTP/1.1\r\n${lines}\r\n`
}

function createRequestHead(target: string): RequestHead {
  return {
    lines: '',
    target,
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
      if (!options.client.isTrustedProxy || noteForwarding(head.said, name, value)) return ''
      break
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
      if (options.hidesCredentials) return ''
      break
    case 'accept':
      head.accept += value
      break
    case 'origin':
      head.origin = value
      break
    default:
      if (options.hidesCredentials && name.toLowerCase() === 'referer')
        return `${name}: ${hideQueryToken(value)}\r\n`
  }
  return `${name}: ${value}\r\n`
}

/** A URL or request target without `token` in its query; everything else stays byte for byte. */
export function hideQueryToken(target: string): string {
  const queryStart = target.indexOf('?')
  if (queryStart === -1) return target
  const pairs = target.slice(queryStart + 1).split('&')
  const rest = pairs.filter((pair) => !new URLSearchParams(pair).has('token'))
  if (rest.length === pairs.length) return target
  const path = target.slice(0, queryStart)
  return rest.length === 0 ? path : `${path}?${rest.join('&')}`
}

/** Names that `Connection` lists (RFC 9110 section 7.6.1). */
function findConnectionHeaders(rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = rawHeaders[index + 1] as string
    if (value === 'keep-alive' || value === 'close' || value === 'Upgrade') continue
    names ??= new Set()
    for (const token of parseTokens(value)) if (!neverHidden.has(getHeaderKind(token))) names.add(token)
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
