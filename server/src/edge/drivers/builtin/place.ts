import {
  type CredentialRecord,
  type EdgeTable,
  mayOpenClusters,
  mayReachServer,
  type RouteRecord,
} from './edge-table.ts'
import { parseRequestPath, type RequestPath } from './request-path.ts'

/** Where a request leads. */
export type Place =
  | { kind: 'control-plane' }
  | { kind: 'service'; route: RouteRecord; service: string }
  | { kind: 'server'; route: RouteRecord; user: string; server: string }
  /** A cluster's dashboard. */
  | { kind: 'cluster'; route: RouteRecord; user: string }
  /** Below `/user/NAME/`, and no route there is known. */
  | { kind: 'no-server'; user: string; next: string }

/** Where a credential of the edge decides. */
export type GuardedPlace = Extract<Place, { kind: 'server' | 'no-server' | 'cluster' }>

const controlPlane: Place = { kind: 'control-plane' }

/** Finds where a request target leads. Undefined when it is not valid, or when it could be read as leading elsewhere. */
export function findPlace(table: EdgeTable, target: string): Place | undefined {
  const path = parseRequestPath(target)
  if (path === undefined) return undefined
  const place = findPlaceOfPath(table, path.canonical)
  return path.otherReadings.every((reading) => isSamePlace(place, findPlaceOfPath(table, reading)))
    ? place
    : undefined
}

/** True when the credential lets in. */
export function mayEnter(credential: CredentialRecord, place: GuardedPlace): boolean {
  return place.kind === 'cluster'
    ? mayOpenClusters(credential, place.user)
    : findReachableServer(credential, place) !== undefined
}

/** The name of the server that a credential may reach at a place; undefined: none. Without a route, the user's default one counts first. */
export function findReachableServer(
  credential: CredentialRecord,
  place: Extract<Place, { kind: 'server' | 'no-server' }>,
): string | undefined {
  const candidates = place.kind === 'server' ? [place.server] : ['', place.next]
  return candidates.find((server) => mayReachServer(credential, place.user, server))
}

function findPlaceOfPath(table: EdgeTable, path: RequestPath['canonical']): Place {
  const route = table.findRoute(path)
  switch (route?.route.access.kind) {
    case 'server':
      return { kind: 'server', route, user: route.route.access.user, server: route.route.access.server }
    case 'cluster':
      return { kind: 'cluster', route, user: route.route.access.user }
    case 'service':
      return { kind: 'service', route, service: route.route.access.service }
    default:
  }
  if (!path.startsWith('/user/')) return controlPlane
  const [, , user = '', next = ''] = path.split('/', 4)
  return user === '' ? controlPlane : { kind: 'no-server', user, next }
}

function isSamePlace(a: Place, b: Place): boolean {
  if (a.kind === 'no-server') return b.kind === 'no-server' && a.user === b.user
  if (a.kind === 'control-plane' || b.kind === 'control-plane' || b.kind === 'no-server')
    return a.kind === b.kind
  return a.route === b.route
}
