import type { V1Node } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import type { KubeClient } from './kube-client.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** The cluster's nodes, kept current by one watch. */
export interface NodeCache {
  /** By name; undefined while they cannot be had. */
  all(): ReadonlyMap<string, V1Node> | undefined
  /** The server's own words when it does not let us see them. */
  readonly refusal: string | undefined
  /** Waits for the first answer, good or bad; throws `scheduler_unavailable` unless they are had or refused. */
  settled(signal: AbortSignal): Promise<void>
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

/** Begins at once. */
export function createNodeCache(options: { client: KubeClient; clock: Clock; log: Logger }): NodeCache {
  return new WatchedNodes(options)
}

class WatchedNodes implements NodeCache, ObjectKeeper<V1Node> {
  readonly #watch: ObjectWatch
  readonly #listeners = new Set<() => void>()
  #nodes = new Map<string, V1Node>()

  constructor(options: { client: KubeClient; clock: Clock; log: Logger }) {
    this.#watch = watchObjects({ ...options, path: '/api/v1/nodes', query: {}, keeper: this })
  }

  all(): ReadonlyMap<string, V1Node> | undefined {
    return this.#watch.stale === undefined ? this.#nodes : undefined
  }

  get refusal(): string | undefined {
    return this.#watch.refusal
  }

  async settled(signal: AbortSignal): Promise<void> {
    try {
      await this.#watch.settled(signal)
    } catch (error) {
      if (this.#watch.refusal === undefined) throw error
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return this.#watch.close()
  }

  replace(nodes: readonly V1Node[]): void {
    this.#nodes = new Map(nodes.map((node) => [node.metadata?.name ?? '', node]))
    this.#tell()
  }

  change(node: V1Node, how: 'set' | 'gone'): void {
    const name = node.metadata?.name ?? ''
    if (how === 'gone') this.#nodes.delete(name)
    else this.#nodes.set(name, node)
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
