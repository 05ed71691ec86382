/** Decides what becomes of a request before a byte of it goes anywhere. */
import type { IncomingMessage } from 'node:http'

import type { Refusal } from './answers.ts'
import type { EdgeSettings } from './edge-settings.ts'
import type { RouteRecord } from './edge-table.ts'
import type { Grounds } from './live-exchanges.ts'
import { findPlace, findReachableServer, type GuardedPlace, mayEnter, type Place } from './place.ts'
import { findCredential } from './presented-credentials.ts'
import type { ProxyContext } from './proxy-context.ts'
import { type RequestHead, readRequestHead } from './request-head.ts'
import type { UpstreamPool } from './upstream-pool.ts'

export type Reception =
  | { outcome: 'refused'; refusal: Refusal; isBrowser: boolean }
  | { outcome: 'granted'; head: RequestHead; grounds: Grounds; upstream: UpstreamPool | 'control-plane' }

/** Reads and authorizes a request. `isWebsocket`: it asks for an upgrade. */
export function receive(
  context: ProxyContext,
  request: IncomingMessage,
  { isWebsocket }: { isWebsocket: boolean },
): Reception {
  const { httpVersion, method } = request
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return refuse(request, { kind: 'unknown-version' })
  // TRACE would show a page the credentials that it cannot read.
  if (method === 'TRACE') return refuse(request, { kind: 'method-refused' })
  const target = request.url as string
  const place = findPlace(context.table, target)
  if (place === undefined) return refuse(request, { kind: 'bad-request' })
  if (request.rawHeaders.length > 2 * context.settings.limits.maxHeaderCount) {
    return refuse(request, { kind: 'too-many-headers' })
  }
  const head = readRequestHead(request, {
    client: context.findClientAddress(request.socket),
    scheme: context.scheme,
    sessionCookieName: context.sessionCookieName,
    keepsSession: place.kind === 'control-plane',
    hidesCredentials: place.kind === 'cluster',
    proof: place.kind === 'cluster' ? place.route.route.proof : undefined,
  })
  if (head === undefined) return refuse(request, { kind: 'bad-request' })
  if (isTooLarge(context, place, head)) return refuse(request, { kind: 'too-large' })
  if (
    isWebsocket &&
    place.kind === 'control-plane' &&
    head.sessions.length > 0 &&
    !isOwnOrigin(context, head)
  ) {
    return refuse(request, { kind: 'foreign-origin' })
  }
  const visit = { request, head, isWebsocket }
  switch (place.kind) {
    case 'control-plane':
      return {
        outcome: 'granted',
        head,
        grounds: { route: undefined, credential: undefined },
        upstream: 'control-plane',
      }
    case 'service':
      return pass(context, visit, { route: place.route, credential: undefined })
    default:
      return enter(context, visit, place)
  }
}

/** A request whose headers are read. */
interface Visit {
  request: IncomingMessage
  head: RequestHead
  isWebsocket: boolean
}

/** Lets somebody in to a user's server or cluster, or not. */
function enter(context: ProxyContext, visit: Visit, place: GuardedPlace): Reception {
  const { request, head } = visit
  const target = request.url as string
  const nowMs = context.clock.now()
  const presented = { authorization: head.authorization, target, cookies: head.sessions }
  const credential = findCredential(context.table, presented, nowMs)
  if (credential === undefined) return refuse(request, { kind: 'sign-in', target })
  context.activity.touchCredential(credential.record, nowMs)
  if (!mayEnter(credential.record, place))
    return refuse(request, { kind: 'no-access', to: place.kind === 'cluster' ? 'cluster' : 'server' })
  if (visit.isWebsocket && credential.isFromCookie && !isOwnOrigin(context, head))
    return refuse(request, { kind: 'foreign-origin' })
  if (place.kind === 'no-server') {
    const server = findReachableServer(credential.record, place) ?? ''
    return refuse(request, { kind: 'stopped', user: place.user, server, target })
  }
  return pass(context, visit, { route: place.route, credential: credential.record })
}

/** Passes a request on to a route's target, if there is one. */
function pass(
  context: ProxyContext,
  { request, head }: Visit,
  grounds: Grounds & { route: RouteRecord },
): Reception {
  const { route } = grounds
  const upstream = route.route.target === undefined ? undefined : context.upstreams.find(route.route.target)
  if (upstream === undefined) return refuse(request, describeSilence(route, request, 'stopped'))
  context.activity.touchRoute(route, context.clock.now())
  return { outcome: 'granted', head, grounds, upstream }
}

/** What is said when nobody stands behind a route: a server was never `stopped` if its target refuses connections. */
export function describeSilence(
  { route }: RouteRecord,
  request: IncomingMessage,
  kind: 'stopped' | 'unreachable',
): Refusal {
  const { access } = route
  if (access.kind === 'service') return { kind: 'service-unreachable', service: access.service }
  if (access.kind === 'control-plane') return { kind: 'control-plane-down' }
  if (access.kind === 'cluster') return { kind: 'cluster-unreachable' }
  return { kind, user: access.user, server: access.server, target: request.url as string }
}

/** A page load, which wants a page or a redirect for an answer; everything else is a program. */
export function isBrowserNavigation({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && headers.accept?.includes('text/html') === true
}

function refuse(request: IncomingMessage, refusal: Refusal): Reception {
  return { outcome: 'refused', refusal, isBrowser: isBrowserNavigation(request) }
}

function isTooLarge({ settings }: ProxyContext, place: Place, { contentLength }: RequestHead): boolean {
  return (
    contentLength !== undefined && contentLength > findBodyLimit(settings, place.kind === 'control-plane')
  )
}

/** The largest body allowed, in bytes. */
export function findBodyLimit({ limits }: EdgeSettings, isControlPlane: boolean): number {
  return isControlPlane
    ? limits.maxControlPlaneBodyBytes
    : (limits.maxServerBodyBytes ?? Number.POSITIVE_INFINITY)
}

/**
 * True when the page that asks was served from the host it asks (browsers always name a websocket's origin). Where the platform is reached
 * over https, anybody on the network could have made a page that came over http.
 */
function isOwnOrigin({ settings }: ProxyContext, { origin, host }: RequestHead): boolean {
  const url = origin === undefined ? null : URL.parse(origin)
  if (url === null) return false
  const isAllowed =
    url.protocol === 'https:' || (url.protocol === 'http:' && !settings.publicUrl.startsWith('https:'))
  return isAllowed && url.host === normalizeHost(host, url.protocol)
}

/** A host as URLs hold it: in lower case, without the scheme's own port. */
function normalizeHost(host: string, protocol: string): string | undefined {
  return URL.parse(`${protocol}//${host}`)?.host
}
