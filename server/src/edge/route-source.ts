import type { Route, Tunnel } from './edge.ts'

/** Ways through the edge that belong together. */
export interface EdgeWays {
  routes: readonly Route[]
  tunnels: readonly Tunnel[]
}

/**
 * A feature's ways through the edge, besides those to servers and services. Prefixes and server names are its own: no other source and no
 * server may want the same.
 */
export interface RouteSource {
  /** All that are wanted now; stands on the store, so that every replica would answer the same. */
  list(): Promise<EdgeWays>
  /**
   * Calls `listener` when `list` may answer otherwise, on whatever replica that was caused. Calls can be too many: while one is being worked
   * off, others are taken together. The answer stops it.
   */
  onChange(listener: () => void): () => void
}
