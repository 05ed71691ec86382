/** What the edge itself says: a page for people, JSON for programs. */
import type { OutgoingHttpHeaders } from 'node:http'

import { buildPage, type Page } from './page.ts'

/** Why a request was not passed on. */
export type Refusal =
  | { kind: 'bad-request' }
  | { kind: 'unknown-version' }
  | { kind: 'method-refused' }
  | { kind: 'too-many-headers' }
  | { kind: 'too-large' }
  /** A body stood still. */
  | { kind: 'too-slow' }
  /** Nobody is signed in. */
  | { kind: 'sign-in'; target: string }
  /** Somebody is, without access. */
  | { kind: 'no-access'; to: 'server' | 'cluster' }
  /** A websocket opened by another site's page. */
  | { kind: 'foreign-origin' }
  /** The server is not running. */
  | { kind: 'stopped'; user: string; server: string; target: string }
  /** It should be running, and nobody answers. */
  | { kind: 'unreachable'; user: string; server: string; target: string }
  | { kind: 'service-unreachable'; service: string }
  | { kind: 'cluster-unreachable' }
  /** An upstream's answer made no sense, or broke off before it began. */
  | { kind: 'broken-answer' }
  | { kind: 'control-plane-down' }

/** A complete response. */
export interface Answer {
  status: number
  headers: OutgoingHttpHeaders
  body: string
}

/** A message and, for people, what to do. */
interface Wording {
  status: number
  title: string
  message: string
  action?: { label: string; href: string }
  /** The page loads itself again after this many seconds. */
  reloadAfterS?: number
}

/** Writes the answer to a refused request. */
export function buildAnswer(refusal: Refusal, { isBrowser }: { isBrowser: boolean }): Answer {
  if (refusal.kind === 'sign-in' && isBrowser)
    return buildRedirect(`/hub/login?next=${encodeURIComponent(refusal.target)}`)
  const wording = findWording(refusal)
  const headers: OutgoingHttpHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  if (wording.status === 503) headers['retry-after'] = String(wording.reloadAfterS ?? 1)
  if (!isBrowser) return buildJson(wording, headers)
  return finish(wording.status, 'text/html; charset=utf-8', buildPage(toPage(wording)), {
    ...headers,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    'referrer-policy': 'same-origin',
  })
}

function buildRedirect(location: string): Answer {
  return finish(302, 'text/plain; charset=utf-8', '', { location, 'cache-control': 'no-store' })
}

/** Error bodies have JupyterHub's shape: `status` and `message`. */
function buildJson({ status, message }: Wording, headers: OutgoingHttpHeaders): Answer {
  return finish(status, 'application/json', JSON.stringify({ status, message }), headers)
}

function finish(status: number, contentType: string, body: string, headers: OutgoingHttpHeaders): Answer {
  return {
    status,
    headers: { ...headers, 'content-type': contentType, 'content-length': Buffer.byteLength(body) },
    body,
  }
}

function toPage({ title, message, action, reloadAfterS }: Wording): Page {
  return {
    title,
    message,
    ...(action === undefined ? {} : { action }),
    ...(reloadAfterS === undefined ? {} : { reloadAfterS }),
  }
}

function findWording(refusal: Refusal): Wording {
  switch (refusal.kind) {
    case 'bad-request':
      return { status: 400, title: 'Not a valid address', message: 'The request is not valid.' }
    case 'unknown-version':
      return { status: 505, title: 'Not understood', message: 'HTTP/1.1 and HTTP/1.0 are understood here.' }
    case 'method-refused':
      return { status: 405, title: 'Not done here', message: 'The method is not allowed.' }
    case 'too-many-headers':
      return { status: 431, title: 'Too many headers', message: 'The request has too many headers.' }
    case 'too-large':
      return { status: 413, title: 'Too large', message: 'The request is too large.' }
    case 'too-slow':
      return { status: 408, title: 'Too slow', message: 'The rest of the request did not come.' }
    case 'sign-in':
      return { status: 403, title: 'Sign in first', message: 'Missing or invalid credentials.' }
    case 'no-access':
      return {
        status: 403,
        title: 'Not shared with you',
        message: `Your permissions do not cover this ${refusal.to}.`,
        ...(refusal.to === 'server'
          ? { action: { label: 'Go to your own servers', href: '/hub/home' } }
          : {}),
      }
    case 'foreign-origin':
      return {
        status: 403,
        title: 'Refused',
        message: 'A websocket may be opened by the pages of this site alone.',
      }
    case 'stopped':
      return describeStopped(refusal)
    case 'unreachable':
      return describeUnreachable(refusal)
    case 'service-unreachable':
      return {
        status: 503,
        title: 'The service does not answer',
        message: `The service ${refusal.service} does not answer.`,
      }
    case 'cluster-unreachable':
      return {
        status: 503,
        title: 'This cluster does not answer',
        message: 'The dashboard of this cluster does not answer. The cluster may have just stopped.',
      }
    case 'broken-answer':
      return {
        status: 502,
        title: 'The answer broke off',
        message: 'The program behind this address gave no valid answer.',
      }
    case 'control-plane-down':
      return {
        status: 503,
        title: 'The platform is restarting',
        message: 'The control plane does not answer at the moment. Running servers go on.',
        reloadAfterS: 3,
      }
  }
}

/** JupyterHub 6 answers 424 for a server that is not running, and JupyterLab offers a restart when it sees it. */
function describeStopped({
  user,
  server,
  target,
}: {
  user: string
  server: string
  target: string
}): Wording {
  return {
    status: 424,
    title: 'This server is not running',
    message: `${describeServer(user, server)} is not running.`,
    action: { label: 'Start it', href: buildSpawnPath(user, server, target) },
  }
}

function describeUnreachable({
  user,
  server,
  target,
}: {
  user: string
  server: string
  target: string
}): Wording {
  return {
    status: 503,
    title: 'This server does not answer',
    message: `${describeServer(user, server)} does not answer. It may have just stopped.`,
    action: { label: 'Start it again', href: buildSpawnPath(user, server, target) },
  }
}

function buildSpawnPath(user: string, server: string, target: string): string {
  const named = server === '' ? '' : `/${encodeURIComponent(server)}`
  return `/hub/spawn/${encodeURIComponent(user)}${named}?next=${encodeURIComponent(target)}`
}

function describeServer(user: string, server: string): string {
  return server === '' ? `The server of ${user}` : `The server ${server} of ${user}`
}
