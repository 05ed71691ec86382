import { type CredentialRecord, mayReachServer, type RouteRecord } from './edge-table.ts'
import { isExpired } from './presented-credentials.ts'

/** What a running exchange rests on. */
export interface Grounds {
  /** Undefined: the control plane. */
  route: RouteRecord | undefined
  /** Undefined: nobody in particular (the control plane and services authenticate by themselves). */
  credential: CredentialRecord | undefined
}

/** A request or websocket that is under way. */
export interface LiveExchange extends Grounds {
  readonly isWebsocket: boolean
  /** Ends both connections now. */
  cut(): void
}

/** True while the exchange may go on. */
export function isStillGranted({ route, credential }: Grounds, nowMs: number): boolean {
  if (route !== undefined && !route.isLive) return false
  if (credential === undefined) return true
  if (!credential.isLive || isExpired(credential, nowMs)) return false
  const access = route?.route.access
  return access?.kind !== 'server' || mayReachServer(credential, access.user, access.server)
}

/** All that is under way. */
export class LiveExchanges {
  readonly #exchanges = new Set<LiveExchange>()
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#exchanges.size
  }

  get openWebsockets(): number {
    return this.#exchanges.values().reduce((count, { isWebsocket }) => count + Number(isWebsocket), 0)
  }

  add(exchange: LiveExchange): void {
    this.#exchanges.add(exchange)
  }

  delete(exchange: LiveExchange): void {
    this.#exchanges.delete(exchange)
    if (this.#onEmpty !== undefined && this.#exchanges.size === 0) this.#onEmpty()
  }

  /** Cuts what lost its grounds: after every change, and every second because credentials expire by themselves. */
  sweep(nowMs: number): void {
    for (const exchange of this.#exchanges) if (!isStillGranted(exchange, nowMs)) exchange.cut()
  }

  /** Resolves when nothing is under way any more, or after `withinMs`. */
  async whenEmpty(withinMs: number): Promise<void> {
    if (this.#exchanges.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  cutWebsockets(): void {
    for (const exchange of this.#exchanges) if (exchange.isWebsocket) exchange.cut()
  }

  cutAll(): void {
    for (const exchange of this.#exchanges) exchange.cut()
  }
}
