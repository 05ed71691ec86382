import { PlatformError } from '@atrium/contract/errors.ts'

import type {
  Edge,
  EdgeChange,
  EdgeCredential,
  EdgeReport,
  EdgeState,
  Route,
  TargetFailure,
  Tunnel,
} from '#edge/edge.ts'
import { findTunnelProblem } from '#edge/tunnel-syntax.ts'

/** An edge that only remembers what it was told; tests read it, and play the part of its users. */
export interface MemoryEdge extends Edge {
  readonly routes: ReadonlyMap<string, Route>
  readonly tunnels: ReadonlyMap<string, Tunnel>
  readonly credentials: ReadonlyMap<string, EdgeCredential>
  readonly controlPlanes: readonly string[]
  /** Every change in the order it came, since the last `replace`. */
  readonly changes: readonly EdgeChange[]
  report(report: EdgeReport): void
  failTarget(failure: TargetFailure): void
  /** Forgets everything, as an edge that was restarted. */
  reset(): void
}

/** Creates an empty one. */
export function createMemoryEdge({
  publicUrl = 'http://127.0.0.1:8000',
}: {
  publicUrl?: string
} = {}): MemoryEdge {
  const routes = new Map<string, Route>()
  const tunnels = new Map<string, Tunnel>()
  const credentials = new Map<string, EdgeCredential>()
  const changes: EdgeChange[] = []
  const reportListeners = new Set<(report: EdgeReport) => void>()
  const failureListeners = new Set<(failure: TargetFailure) => void>()
  const resetListeners = new Set<() => void>()
  let controlPlanes: readonly string[] = []

  function clear() {
    routes.clear()
    tunnels.clear()
    credentials.clear()
    changes.length = 0
    controlPlanes = []
  }

  function applyOne(change: EdgeChange) {
    changes.push(change)
    if (change.type === 'route-put') routes.set(change.route.prefix, change.route)
    if (change.type === 'route-delete') routes.delete(change.prefix)
    if (change.type === 'tunnel-put') tunnels.set(change.tunnel.serverName, change.tunnel)
    if (change.type === 'tunnel-delete') tunnels.delete(change.serverName)
    if (change.type === 'credential-put') credentials.set(change.credential.hash, change.credential)
    if (change.type === 'credential-delete') credentials.delete(change.hash)
    if (change.type === 'control-planes') controlPlanes = change.controlPlanes
  }

  return {
    publicUrl,
    routes,
    tunnels,
    credentials,
    changes,
    get controlPlanes() {
      return controlPlanes
    },
    async replace(state: EdgeState) {
      for (const route of state.routes) checkRoute(route)
      for (const tunnel of state.tunnels) checkTunnel(tunnel)
      clear()
      for (const route of state.routes) routes.set(route.prefix, route)
      for (const tunnel of state.tunnels) tunnels.set(tunnel.serverName, tunnel)
      for (const credential of state.credentials) credentials.set(credential.hash, credential)
      controlPlanes = state.controlPlanes
    },
    async apply(batch) {
      for (const change of batch) {
        if (change.type === 'route-put') checkRoute(change.route)
        if (change.type === 'tunnel-put') checkTunnel(change.tunnel)
      }
      for (const change of batch) applyOne(change)
    },
    onReport: (listener) => subscribe(reportListeners, listener),
    onTargetFailed: (listener) => subscribe(failureListeners, listener),
    onReset: (listener) => subscribe(resetListeners, listener),
    report(report) {
      for (const listener of [...reportListeners]) listener(report)
    },
    failTarget(failure) {
      for (const listener of [...failureListeners]) listener(failure)
    },
    reset() {
      clear()
      for (const listener of [...resetListeners]) listener()
    },
    async close() {
      reportListeners.clear()
      failureListeners.clear()
      resetListeners.clear()
    },
  }
}

function checkRoute({ prefix, target }: Route): void {
  if (!prefix.startsWith('/') || !prefix.endsWith('/'))
    throw new PlatformError('bad_request', { detail: prefix })
  if (target !== undefined && !/^(?:http:\/\/[^/]+|unix:\/.*)$/.test(target)) {
    throw new PlatformError('bad_request', { detail: target })
  }
}

function checkTunnel(tunnel: Tunnel): void {
  const problem = findTunnelProblem(tunnel)
  if (problem !== undefined) throw new PlatformError('bad_request', { detail: problem })
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
