import type { V1Node, V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import type { KubeClient } from './kube-client.ts'
import { isNodeSilent } from './pod-disruption.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** The cluster's nodes, kept current by one watch. */
export interface NodeCache {
  /** By name; undefined while they cannot be had. */
  all(): ReadonlyMap<string, V1Node> | undefined
  /** The server's own words when it does not let us see them. */
  readonly refusal: string | undefined
  /** Waits for the first answer, good or bad; throws `scheduler_unavailable` unless they are had or refused. */
  settled(signal: AbortSignal): Promise<void>
  /** The node of the pod does not answer, or is gone. False while nodes cannot be seen, and for a pod without a node. */
  isSilent(pod: V1Pod): boolean
  /** Names of nodes that have just fallen silent, or answer again. */
  onSilence(listener: (node: string) => void): void
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
  readonly #silenceListeners = new Set<(node: string) => void>()
  #nodes = new Map<string, V1Node>()
  #silent = new Set<string>()

  constructor(options: { client: KubeClient; clock: Clock; log: Logger }) {
    this.#watch = watchObjects({ ...options, path: '/api/v1/nodes', query: {}, keeper: this })
  }

  all(): ReadonlyMap<string, V1Node> | undefined {
    return this.#watch.stale === undefined ? this.#nodes : undefined
  }

  isSilent(pod: V1Pod): boolean {
    // It stands in the pod, too, for those who may not see nodes.
    if (isNodeSilent(pod)) return true
    const { spec } = pod
    const nodes = this.all()
    if (spec?.nodeName === undefined || nodes === undefined) return false
    const node = nodes.get(spec.nodeName)
    return node === undefined || hasFallenSilent(node)
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

  onSilence(listener: (node: string) => void): void {
    this.#silenceListeners.add(listener)
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
    const before = this.#silent
    this.#silent = new Set([...this.#nodes].flatMap(([name, node]) => (hasFallenSilent(node) ? [name] : [])))
    for (const node of this.#silent.symmetricDifference(before))
      for (const listener of this.#silenceListeners) listener(node)
    for (const listener of this.#listeners) listener()
  }
}

/** The node controller's word for it. */
function hasFallenSilent({ status }: V1Node): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown'
}
