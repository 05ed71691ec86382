import { type CredentialRecord, mayOpenClusters, mayReachServer, type RouteRecord } from './edge-table.ts'
import { isExpired } from './presented-credentials.ts'
import type { TunnelRecord } from './tunnel-table.ts'

/** What a running exchange rests on. */
export interface Grounds {
  /** Undefined: the control plane. */
  route: RouteRecord | undefined
  /** Undefined: nobody in particular (the control plane and services authenticate by themselves). */
  credential: CredentialRecord | undefined
  /** Undefined: nothing that is passed on unread. */
  tunnel?: TunnelRecord
}

/** A request, websocket or connection through a tunnel that is under way. */
export interface LiveExchange extends Grounds {
  readonly kind: 'request' | 'websocket' | 'tunnel'
  /** Its place among the live ones; theirs to set. -1 elsewhere. */
  liveIndex: number
  /** Ends both connections now. */
  cut(): void
  /** Asked now and then: gives up when the client has kept everybody waiting for too long. */
  checkProgress(): void
}

/** True while the exchange may go on. */
export function isStillGranted({ route, credential, tunnel }: Grounds, nowMs: number): boolean {
  if (tunnel !== undefined) return tunnel.isLive
  if (route !== undefined && !route.isLive) return false
  if (credential === undefined) return true
  if (!credential.isLive || isExpired(credential, nowMs)) return false
  const access = route?.route.access
  if (access?.kind === 'cluster') return mayOpenClusters(credential, access.user)
  return access?.kind !== 'server' || mayReachServer(credential, access.user, access.server)
}

/**
 * All that is under way. An array and not a Set: a Set that changes with every request leaves a chain of outgrown tables behind, which
 * keeps finished requests alive into the old generation (seen: 2.6 kB a request, a third more time in the collector).
 */
export class LiveExchanges {
  readonly #exchanges: LiveExchange[] = []
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#exchanges.length
  }

  count(kind: LiveExchange['kind']): number {
    return this.#exchanges.reduce((count, exchange) => count + Number(exchange.kind === kind), 0)
  }

  add(exchange: LiveExchange): void {
    exchange.liveIndex = this.#exchanges.length
    this.#exchanges.push(exchange)
  }

  /** Safe to repeat. */
  delete(exchange: LiveExchange): void {
    const index = exchange.liveIndex
    if (index === -1) return
    exchange.liveIndex = -1
    const last = this.#exchanges.pop() as LiveExchange
    if (last !== exchange) {
      this.#exchanges[index] = last
      last.liveIndex = index
    }
    if (this.#exchanges.length === 0) this.#onEmpty?.()
  }

  /** Cuts what lost its grounds: after every change, and every second because credentials expire by themselves. */
  sweep(nowMs: number): void {
    for (const exchange of [...this.#exchanges]) {
      if (isStillGranted(exchange, nowMs)) exchange.checkProgress()
      else exchange.cut()
    }
  }

  /** Resolves when nothing is under way any more, or after `withinMs`. */
  async whenEmpty(withinMs: number): Promise<void> {
    if (this.#exchanges.length === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Cuts all of the given kinds. */
  cut(kinds: readonly LiveExchange['kind'][]): void {
    for (const exchange of [...this.#exchanges]) if (kinds.includes(exchange.kind)) exchange.cut()
  }

  cutAll(): void {
    for (const exchange of [...this.#exchanges]) exchange.cut()
  }
}
