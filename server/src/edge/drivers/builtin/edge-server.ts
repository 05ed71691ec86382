import type { Server } from 'node:http'
import { type AddressInfo, type ListenOptions, Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { sessionCookieName } from '@atrium/contract/cookies.ts'

import type { EdgeChange, EdgeReport, EdgeState, TargetFailure } from '#edge/edge.ts'
import type { Clock } from '#platform/clock.ts'
import type { SharedKey } from '#platform/shared-key-tls.ts'
import { ActivityLedger } from './activity-ledger.ts'
import { createClientAddresses } from './client-address.ts'
import { ControlPlaneUpstream } from './control-plane-upstream.ts'
import { buildUpstreamLimits, type EdgeSettings } from './edge-settings.ts'
import { EdgeTable, type RouteRecord } from './edge-table.ts'
import type { FrontDoor } from './front-door.ts'
import { LiveExchanges } from './live-exchanges.ts'
import { PieceMemory } from './piece-memory.ts'
import type { ProxyContext } from './proxy-context.ts'
import { createProxyServer, type ProxyServer } from './proxy-server.ts'
import { createStateGate, type StateGate } from './state-gate.ts'
import { Traffic, type TrafficCounts } from './traffic.ts'
import { FlowBuffers } from './tunnel-flow.ts'
import type { SealedConnect } from './upstream-connection.ts'
import { createUpstreams, readBytes } from './upstreams.ts'

/** How often running exchanges are looked at for credentials that have expired by themselves, and newcomers for those who say nothing. */
const sweepEveryMs = 500
/** A client that has connected sends its request within this time. */
const firstRequestMs = 500
/** A failing target is reported once in this time. */
const failureEveryMs = 1000

export interface EdgeServerOptions {
  settings: EdgeSettings
  clock: Clock
  /** What lets requests to control planes of other machines through. */
  controlPlaneKey?: SharedKey | undefined
  onTargetFailed: (failure: TargetFailure) => void
}

/** Creates the proxy. It listens when asked to, and holds requests until it was told where they lead. */
export async function createEdgeServer(options: EdgeServerOptions): Promise<EdgeServer> {
  const context = buildContext(options, await findSealedConnect(options.controlPlaneKey))
  const gate = createStateGate({ holdMs: options.settings.times.holdMs })
  return new EdgeServer(context, gate, await createProxyServer(context, gate))
}

/** What is under way now. */
export interface LiveCounts {
  liveExchanges: number
  openWebsockets: number
  /** Connections through tunnels. */
  openTunnels: number
  heldRequests: number
}

/** The proxy of one process: what listens, what it knows, what is under way. */
export class EdgeServer {
  readonly #context: ProxyContext
  readonly #gate: StateGate
  readonly #door: FrontDoor
  readonly #sweeper: NodeJS.Timeout
  /** What listens; a successor inherits it. */
  readonly listener: Server

  constructor(context: ProxyContext, gate: StateGate, { listener, door }: ProxyServer) {
    this.#context = context
    this.#gate = gate
    this.listener = listener
    this.#door = door
    this.#sweeper = setInterval(() => {
      this.#sweep()
      door.sweep()
    }, sweepEveryMs).unref()
  }

  get table(): EdgeTable {
    return this.#context.table
  }

  get counts(): TrafficCounts & LiveCounts {
    const { live, controlPlane, traffic } = this.#context
    return {
      ...traffic.counts,
      liveExchanges: live.size,
      openWebsockets: live.count('websocket'),
      openTunnels: live.count('tunnel'),
      heldRequests: controlPlane.heldCount,
    }
  }

  /** Replaces everything known. */
  replace(state: EdgeState): void {
    this.table.replace(state)
    this.#gate.open()
    this.#settle()
  }

  /** Applies changes in order. */
  apply(changes: readonly EdgeChange[]): void {
    for (const change of changes) this.table.apply(change)
    this.#settle()
  }

  /** What was used since the last report; undefined when nothing was. */
  takeReport(): EdgeReport | undefined {
    return this.#context.activity.takeReport()
  }

  /** Routes with open websockets stand in the next report, used or not: who has just connected has heard of none. */
  reportOpenWebsockets(): void {
    const { table, activity } = this.#context
    for (const record of table.routes) if (record.openWebsockets > 0) activity.countWebsocket(record, 0)
  }

  /** Clients are told with every answer to open their next connection elsewhere. */
  announceEnd(): void {
    this.#context.isDraining = true
  }

  /** Listens, maybe in the place of another server; the answer is the port. Rejects as `net.Server` does (`EADDRINUSE`). */
  listen(where: ListenOptions | NetServer): Promise<number> {
    const { listener } = this
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(where, () => {
        listener.off('error', reject)
        resolve((listener.address() as AddressInfo).port)
      })
    })
  }

  /** Ends everything that is under way. */
  cutAll(): void {
    this.#context.live.cutAll()
  }

  /**
   * Accepts nothing new; resolves when what is under way has ended, or was cut after `withinMs`. To be called once. With `keepTunnelsMs` a
   * successor serves already: websockets and tunnels go on, these for so long, and not one request may be lost: connections that were just
   * accepted get their time to send one.
   */
  async drain(withinMs: number, { keepTunnelsMs }: { keepTunnelsMs?: number } = {}): Promise<void> {
    const { live, controlPlane, upstreams } = this.#context
    this.announceEnd()
    // http's own `close` would also end connections whose first request is on its way.
    NetServer.prototype.close.call(this.listener)
    if (keepTunnelsMs !== undefined) await delay(firstRequestMs)
    else live.cut(['websocket', 'tunnel'])
    this.#door.closeWaiting()
    this.listener.closeIdleConnections()
    await live.whenEmpty(withinMs)
    live.cut(['request', 'websocket'])
    if (keepTunnelsMs !== undefined) await live.whenEmpty(keepTunnelsMs - withinMs)
    live.cutAll()
    clearInterval(this.#sweeper)
    controlPlane.close()
    upstreams.close()
    this.listener.closeAllConnections()
  }

  /** After a change: cuts what lost its grounds, lets go what waited. */
  #settle(): void {
    const { table, controlPlane } = this.#context
    controlPlane.setTargets(table.controlPlanes)
    this.#sweep()
  }

  #sweep(): void {
    const { live, clock } = this.#context
    live.sweep(clock.now())
  }
}

/** TLS is loaded by edges that need it. */
async function findSealedConnect(key: SharedKey | undefined): Promise<SealedConnect | undefined> {
  if (key === undefined) return undefined
  const { connectBySharedKey } = await import('#platform/shared-key-tls.ts')
  return (address, onread) => connectBySharedKey(address, key, { onread })
}

function buildContext(
  { settings, clock, onTargetFailed }: EdgeServerOptions,
  connectSealed: SealedConnect | undefined,
): ProxyContext {
  const { limits, times } = settings
  const upstreams = createUpstreams({ limits: buildUpstreamLimits(times), clock, connectSealed })
  return {
    settings,
    sessionCookieName: sessionCookieName(settings.publicUrl.startsWith('https:')),
    scheme: settings.tls === undefined ? 'http' : 'https',
    table: new EdgeTable(),
    upstreams,
    controlPlane: new ControlPlaneUpstream({
      upstreams,
      clock,
      holdMs: times.holdMs,
      maxHeld: limits.maxHeld,
    }),
    live: new LiveExchanges(),
    traffic: new Traffic(),
    pieces: new PieceMemory(readBytes),
    flowBuffers: new FlowBuffers(),
    activity: new ActivityLedger(),
    clock,
    findClientAddress: createClientAddresses(settings.trustedProxies),
    onTargetFailed: createFailureReporter(clock, onTargetFailed),
    isDraining: false,
  }
}

/** A dead target meets many requests at once: one report a second is enough to make somebody look. */
function createFailureReporter(
  clock: Clock,
  report: (failure: TargetFailure) => void,
): (record: RouteRecord) => void {
  const lastMs = new WeakMap<RouteRecord, number>()
  return (record) => {
    const { prefix, target } = record.route
    const nowMs = clock.monotonic()
    if (target === undefined || nowMs - (lastMs.get(record) ?? Number.NEGATIVE_INFINITY) < failureEveryMs)
      return
    lastMs.set(record, nowMs)
    report({ prefix, target })
  }
}
