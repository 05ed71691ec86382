import type { Tunnel } from '#edge/edge.ts'

/** A tunnel as the edge keeps it; the object lives as long as its target stays. */
export interface TunnelRecord {
  tunnel: Tunnel
  /** False once it was replaced or removed: what runs through it is cut. */
  isLive: boolean
}

/** The tunnels by server name. */
export class TunnelTable {
  readonly #records = new Map<string, TunnelRecord>()

  get size(): number {
    return this.#records.size
  }

  list(): readonly Tunnel[] {
    return Array.from(this.#records.values(), ({ tunnel }) => tunnel)
  }

  /** `serverName` in lower case. */
  find(serverName: string): TunnelRecord | undefined {
    return this.#records.get(serverName)
  }

  /** Makes it equal to `tunnels`; records of what stays are kept. */
  replace(tunnels: readonly Tunnel[]): void {
    const names = new Set(tunnels.map(({ serverName }) => serverName))
    for (const name of [...this.#records.keys()]) if (!names.has(name)) this.delete(name)
    for (const tunnel of tunnels) this.put(tunnel)
  }

  put(tunnel: Tunnel): void {
    const present = this.#records.get(tunnel.serverName)
    if (present?.tunnel.target === tunnel.target) {
      present.tunnel = tunnel
      return
    }
    if (present !== undefined) present.isLive = false
    this.#records.set(tunnel.serverName, { tunnel, isLive: true })
  }

  delete(serverName: string): void {
    const present = this.#records.get(serverName)
    if (present === undefined) return
    present.isLive = false
    this.#records.delete(serverName)
  }
}
