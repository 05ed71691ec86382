import { PlatformError } from '@atrium/contract/errors.ts'
import type { V1Pod, V1PodList } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import { type KubeClient, KubeRefusal } from './kube-client.ts'
import { readLines } from './read-lines.ts'

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

const pageSize = 500
/** The server ends watches by itself; a new one goes on where the last ended. */
const watchSeconds = 240
/** Bookmarks come every minute. A watch that is silent for longer was cut without a word. */
const silenceMs = 75_000
/** And everything is read anew now and then, whatever the watch says. */
const resyncMs = 10 * 60_000
/** How soon it is noticed that the server is gone though the connection stands. */
const probeMs = 5000
const firstPauseMs = 200
const longestPauseMs = 5000

/** See `PodCache`. Begins at once. */
export function createPodCache(options: PodCacheOptions): PodCache {
  return new WatchedPods(options)
}

class WatchedPods implements PodCache {
  readonly #options: PodCacheOptions
  readonly #ended = new AbortController()
  readonly #listeners = new Set<(changes: readonly PodChange[]) => void>()
  readonly #done: Promise<void>
  #pods = new Map<string, V1Pod>()
  #version = ''
  #listedAtMs = 0
  /** Why nothing that is here counts; undefined: it does. */
  #stale: PlatformError | undefined = unavailable('It was not asked yet.')
  #next = Promise.withResolvers<void>()

  constructor(options: PodCacheOptions) {
    this.#options = options
    this.#done = this.#follow()
  }

  async settled(signal: AbortSignal): Promise<void> {
    if (this.#stale === undefined) return
    const aborted = Promise.withResolvers<void>()
    const give = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', give)
    try {
      signal.throwIfAborted()
      await Promise.race([this.#next.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', give)
    }
    if (this.#stale !== undefined) throw this.#stale
  }

  all(): ReadonlyMap<string, V1Pod> {
    if (this.#stale !== undefined) throw this.#stale
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

  async close(): Promise<void> {
    this.#ended.abort()
    this.#settle(unavailable('The driver was closed.'))
    await this.#done
  }

  async #follow(): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = this.#ended
    let pauseMs = firstPauseMs
    while (!signal.aborted) {
      try {
        if (this.#version === '' || clock.now() - this.#listedAtMs > resyncMs) await this.#list()
        pauseMs = firstPauseMs
        await this.#watch()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof KubeRefusal && error.status === 410) {
          // What is between is gone from the server's memory (etcd was compacted): everything is read anew.
          this.#version = ''
          continue
        }
        this.#version = ''
        this.#settle(asUnavailable(error))
        log.warn({ err: error }, 'the Kubernetes API server does not answer')
        await clock.sleep(pauseMs, { signal }).catch(() => {})
        pauseMs = Math.min(2 * pauseMs, longestPauseMs)
      }
    }
  }

  async #list(): Promise<void> {
    const { client, path, labelSelector, clock } = this.#options
    const { signal } = this.#ended
    const found = new Map<string, V1Pod>()
    let next: string | undefined
    let version = ''
    do {
      const query = { labelSelector, limit: pageSize, continue: next }
      const page = await client.call<V1PodList>('GET', path, { query, signal })
      for (const pod of page.items) found.set(pod.metadata?.name ?? '', pod)
      next = page.metadata?._continue ?? readContinue(page)
      version = page.metadata?.resourceVersion ?? ''
    } while (next !== undefined && next !== '')
    this.#listedAtMs = clock.now()
    this.#version = version
    const before = this.#pods
    this.#pods = found
    this.#tell([
      ...[...found.values()].map((pod) => ({ pod, gone: false })),
      ...[...before].flatMap(([name, pod]) => (found.has(name) ? [] : [{ pod, gone: true }])),
    ])
    this.#settle(undefined)
  }

  async #watch(): Promise<void> {
    const { client, path, labelSelector } = this.#options
    const cut = new AbortController()
    const signal = AbortSignal.any([this.#ended.signal, cut.signal])
    const query = {
      ...{ labelSelector, watch: true, allowWatchBookmarks: true },
      ...{ resourceVersion: this.#version, timeoutSeconds: watchSeconds },
    }
    const stream = await client.stream(path, { query, signal })
    let heardAtMs = performance.now()
    const guard = this.#guard(() => performance.now() - heardAtMs, cut)
    try {
      for await (const line of readLines(stream)) {
        heardAtMs = performance.now()
        this.#take(JSON.parse(line) as WatchEvent)
      }
    } catch (error) {
      throw cut.signal.aborted ? cut.signal.reason : error
    } finally {
      guard.stop()
    }
  }

  /** A connection that stands says nothing of the server behind it: it is asked something small in between. */
  #guard(silentForMs: () => number, cut: AbortController): { stop(): void } {
    const { client, clock } = this.#options
    const stopped = new AbortController()
    const look = async () => {
      while (!stopped.signal.aborted) {
        await clock.sleep(probeMs, { signal: stopped.signal })
        if (silentForMs() > silenceMs) return cut.abort(unavailable('It has gone silent.'))
        if (silentForMs() < probeMs) continue
        await client.call('GET', '/version', { signal: stopped.signal })
      }
    }
    look().catch((error: unknown) => {
      if (!stopped.signal.aborted) cut.abort(error)
    })
    return { stop: () => stopped.abort() }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw new KubeRefusal(object.code ?? 500, object.reason ?? '', object.message ?? '')
    const version = object.metadata?.resourceVersion
    if (version !== undefined) this.#version = version
    if (type === 'BOOKMARK') return
    const name = object.metadata?.name ?? ''
    if (type === 'DELETED') this.#pods.delete(name)
    else if (isNewer(object, this.#pods.get(name))) this.#pods.set(name, object)
    else return
    this.#tell([{ pod: object, gone: type === 'DELETED' }])
  }

  #tell(changes: readonly PodChange[]): void {
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes)
  }

  /** Whoever waits hears of success and failure alike. */
  #settle(stale: PlatformError | undefined): void {
    this.#stale = stale
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  /** A pod; of an error a `Status`. */
  object: V1Pod & { code?: number; reason?: string; message?: string }
}

/** As it is on the wire; the client's own types call it otherwise. */
function readContinue(page: V1PodList): string | undefined {
  return (page.metadata as { continue?: string } | undefined)?.continue
}

/** Versions are numbers of etcd, though clients should not look: an older answer must not undo what was seen. */
function isNewer(pod: V1Pod, known: V1Pod | undefined): boolean {
  if (known === undefined || known.metadata?.uid !== pod.metadata?.uid) return true
  const [mine, theirs] = [Number(pod.metadata?.resourceVersion), Number(known.metadata?.resourceVersion)]
  return !(mine < theirs)
}

function unavailable(why: string): PlatformError {
  return new PlatformError('scheduler_unavailable', {
    message: `The Kubernetes API server does not answer. ${why}`,
  })
}

function asUnavailable(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error
  const why = error instanceof KubeRefusal ? error.message : ''
  return new PlatformError('scheduler_unavailable', {
    message: `The Kubernetes API server does not answer. ${why}`.trim(),
    cause: error,
  })
}
