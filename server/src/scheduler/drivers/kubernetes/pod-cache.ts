import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import type { KubeClient } from './kube-client.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** What became of a pod: `gone` is the last that was seen of one which somebody has deleted. */
export interface PodChange {
  pod: V1Pod
  gone: boolean
}

/** The driver's pods as the API server has them, kept current by one watch: looking costs it nothing. */
export interface PodCache {
  /** Resolves once all are known and changes come in. Throws `scheduler_unavailable` while they cannot be had. */
  settled(signal: AbortSignal): Promise<void>
  /** By name; throws as `settled`. */
  all(): ReadonlyMap<string, V1Pod>
  /** Whether `all` has something to say. */
  isCurrent(): boolean
  /** As they were when last seen, however long ago. */
  peek(): ReadonlyMap<string, V1Pod>
  /** What a call answered, before the watch says so. */
  note(pod: V1Pod): void
  /** That a pod was deleted, before the watch says so. */
  drop(name: string): void
  onChange(listener: (changes: readonly PodChange[]) => void): () => void
  close(): Promise<void>
}

export interface PodCacheOptions {
  client: KubeClient
  /** `/api/v1/namespaces/NAME/pods` */
  path: string
  labelSelector: string
  clock: Clock
  log: Logger
}

/** See `PodCache`. Begins at once. */
export function createPodCache(options: PodCacheOptions): PodCache {
  return new WatchedPods(options)
}

class WatchedPods implements PodCache, ObjectKeeper<V1Pod> {
  readonly #listeners = new Set<(changes: readonly PodChange[]) => void>()
  readonly #watch: ObjectWatch
  #pods = new Map<string, V1Pod>()

  constructor({ labelSelector, ...options }: PodCacheOptions) {
    this.#watch = watchObjects({ ...options, query: { labelSelector }, keeper: this, probes: true })
  }

  settled(signal: AbortSignal): Promise<void> {
    return this.#watch.settled(signal)
  }

  all(): ReadonlyMap<string, V1Pod> {
    if (this.#watch.stale !== undefined) throw this.#watch.stale
    return this.#pods
  }

  isCurrent(): boolean {
    return this.#watch.stale === undefined
  }

  peek(): ReadonlyMap<string, V1Pod> {
    return this.#pods
  }

  note(pod: V1Pod): void {
    const name = pod.metadata?.name ?? ''
    if (isNewer(pod, this.#pods.get(name))) this.#pods.set(name, pod)
  }

  drop(name: string): void {
    this.#pods.delete(name)
  }

  onChange(listener: (changes: readonly PodChange[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return this.#watch.close()
  }

  replace(pods: readonly V1Pod[]): void {
    const before = this.#pods
    this.#pods = new Map(pods.map((pod) => [pod.metadata?.name ?? '', pod]))
    this.#tell([
      ...pods.map((pod) => ({ pod, gone: false })),
      ...[...before].flatMap(([name, pod]) => (this.#pods.has(name) ? [] : [{ pod, gone: true }])),
    ])
  }

  change(pod: V1Pod, how: 'set' | 'gone'): void {
    const name = pod.metadata?.name ?? ''
    if (how === 'gone') this.#pods.delete(name)
    else if (isNewer(pod, this.#pods.get(name))) this.#pods.set(name, pod)
    else return
    this.#tell([{ pod, gone: how === 'gone' }])
  }

  #tell(changes: readonly PodChange[]): void {
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes)
  }
}

/** Versions are numbers of etcd, though clients should not look: an older answer must not undo what was seen. */
function isNewer(pod: V1Pod, known: V1Pod | undefined): boolean {
  if (known === undefined || known.metadata?.uid !== pod.metadata?.uid) return true
  const [mine, theirs] = [Number(pod.metadata?.resourceVersion), Number(known.metadata?.resourceVersion)]
  return !(mine < theirs)
}
