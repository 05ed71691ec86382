import type { Clock } from '#platform/clock.ts'

import { parseUpstreamAddress } from './upstream-address.ts'
import type { SealedConnect } from './upstream-connection.ts'
import { type UpstreamLimits, UpstreamPool } from './upstream-pool.ts'

/** How often idle connections are looked through. */
const sweepEveryMs = 5000
/** Most that is read at a time. */
export const readBytes = 128 * 1024

/** The pools of all targets; a target that nobody uses for a while is forgotten. */
export interface Upstreams {
  /** The pool of `http://host:port`, `unix:/path` or a control plane's `tls+psk://host:port`; undefined for anything else. */
  find(target: string): UpstreamPool | undefined
  /** Closes what is idle and starts nothing new. */
  close(): void
}

/** Creates pools as they are asked for. */
export function createUpstreams({
  limits,
  clock,
  connectSealed,
}: {
  limits: UpstreamLimits
  clock: Clock
  /** Connects to control planes of other machines; absent: there are none. */
  connectSealed?: SealedConnect | undefined
}): Upstreams {
  const readBuffer = new Uint8Array(readBytes)
  const pools = new Map<string, UpstreamPool>()
  const timer = setInterval(() => {
    for (const [target, pool] of pools) if (pool.closeOld() === 0) pools.delete(target)
  }, sweepEveryMs)
  timer.unref()
  return {
    find(target) {
      const present = pools.get(target)
      if (present !== undefined) return present
      const address = parseUpstreamAddress(target)
      if (address === undefined || ('isSealed' in address && connectSealed === undefined)) return undefined
      const pool = new UpstreamPool(address, { limits, clock, readBuffer, connectSealed })
      pools.set(target, pool)
      return pool
    },
    close() {
      clearInterval(timer)
      for (const pool of pools.values()) pool.close()
    },
  }
}
