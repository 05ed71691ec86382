import { PlatformError } from '@atrium/contract/errors.ts'
import type { V1ObjectMeta } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import { type KubeClient, KubeRefusal } from './kube-client.ts'
import { readLines } from './read-lines.ts'

/** Anything the API server lists and watches. */
export interface KubeObject {
  metadata?: V1ObjectMeta
}

/** Where what is seen goes. */
export interface ObjectKeeper<T> {
  /** All there is; what is missing from it is gone. */
  replace(objects: readonly T[]): void
  change(object: T, how: 'set' | 'gone'): void
}

export interface WatchOptions<T> {
  client: KubeClient
  /** `/api/v1/namespaces/NAME/pods` */
  path: string
  /** `labelSelector`, `fieldSelector` */
  query: Readonly<Record<string, string>>
  keeper: ObjectKeeper<T>
  /** A connection that stands says nothing of the server behind it: it is asked something small in between. Default: only bookmarks tell. */
  probes?: boolean
  clock: Clock
  log: Logger
}

/** Follows a kind of object at the API server: list, then watch, anew after each trouble. */
export interface ObjectWatch {
  /** Resolves once all are known and changes come in. Throws `scheduler_unavailable` while they cannot be had. */
  settled(signal: AbortSignal): Promise<void>
  /** Why what was kept does not count now; undefined: it does. */
  readonly stale: PlatformError | undefined
  /** The server's own words when it does not let us see them. */
  readonly refusal: string | undefined
  close(): Promise<void>
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
const shortMs = 1000
const longestPauseMs = 5000
/** Rights are not given every second. */
const refusedPauseMs = 30_000

/** See `ObjectWatch`. Begins at once. */
export function watchObjects<T extends KubeObject>(options: WatchOptions<T>): ObjectWatch {
  return new Watch(options)
}

class Watch<T extends KubeObject> implements ObjectWatch {
  readonly #options: WatchOptions<T>
  readonly #ended = new AbortController()
  readonly #done: Promise<void>
  #version = ''
  #listedAtMs = 0
  #stale: PlatformError | undefined = unavailable('It was not asked yet.')
  #refusal: string | undefined
  #next = Promise.withResolvers<void>()

  constructor(options: WatchOptions<T>) {
    this.#options = options
    this.#done = this.#follow()
  }

  get stale(): PlatformError | undefined {
    return this.#stale
  }

  get refusal(): string | undefined {
    return this.#refusal
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

  async close(): Promise<void> {
    this.#ended.abort()
    this.#settle(unavailable('The driver was closed.'))
    await this.#done
  }

  async #follow(): Promise<void> {
    const { clock, log, path } = this.#options
    const { signal } = this.#ended
    let pauseMs = firstPauseMs
    while (!signal.aborted) {
      try {
        if (this.#version === '' || clock.monotonic() - this.#listedAtMs > resyncMs) await this.#list()
        pauseMs = firstPauseMs
        const beganMs = clock.monotonic()
        await this.#watch()
        // A server that ends every watch at once is not to be asked without a pause.
        if (clock.monotonic() - beganMs < shortMs) await clock.sleep(firstPauseMs, { signal })
      } catch (error) {
        if (signal.aborted) return
        this.#version = ''
        // What is between is gone from the server's memory (etcd was compacted): everything is read anew.
        if (error instanceof KubeRefusal && error.status === 410) {
          await clock.sleep(firstPauseMs, { signal }).catch(() => {})
          continue
        }
        const isRefused = error instanceof KubeRefusal && error.status === 403
        this.#refusal = isRefused ? error.message : undefined
        this.#settle(asUnavailable(error))
        log.warn(
          { err: error, path },
          `the Kubernetes API server ${isRefused ? 'refuses' : 'does not answer'}`,
        )
        await clock.sleep(isRefused ? refusedPauseMs : pauseMs, { signal }).catch(() => {})
        pauseMs = Math.min(2 * pauseMs, longestPauseMs)
      }
    }
  }

  async #list(): Promise<void> {
    const { client, path, query, clock, keeper } = this.#options
    const { signal } = this.#ended
    const found: T[] = []
    let next: string | undefined
    let version = ''
    do {
      const page = await client.call<ObjectList<T>>('GET', path, {
        query: { ...query, limit: pageSize, continue: next },
        signal,
      })
      found.push(...page.items)
      next = page.metadata?.continue
      version = page.metadata?.resourceVersion ?? ''
    } while (next !== undefined && next !== '')
    this.#listedAtMs = clock.monotonic()
    this.#version = version
    this.#refusal = undefined
    // Whoever is told looks at once.
    this.#stale = undefined
    keeper.replace(found)
    this.#settle(undefined)
  }

  async #watch(): Promise<void> {
    const { client, path, query: selectors } = this.#options
    const cut = new AbortController()
    const signal = AbortSignal.any([this.#ended.signal, cut.signal])
    const query = {
      ...{ ...selectors, watch: true, allowWatchBookmarks: true },
      ...{ resourceVersion: this.#version, timeoutSeconds: watchSeconds },
    }
    const stream = await client.stream(path, { query, signal })
    let heardAtMs = performance.now()
    const guard = this.#guard(() => performance.now() - heardAtMs, cut)
    try {
      for await (const line of readLines(stream)) {
        heardAtMs = performance.now()
        this.#take(JSON.parse(line) as WatchEvent<T>)
      }
    } catch (error) {
      throw cut.signal.aborted ? cut.signal.reason : error
    } finally {
      guard.stop()
    }
  }

  #guard(silentForMs: () => number, cut: AbortController): { stop(): void } {
    const { client, clock, path, query, probes = false } = this.#options
    const stopped = new AbortController()
    const look = async () => {
      while (!stopped.signal.aborted) {
        await clock.sleep(probeMs, { signal: stopped.signal })
        if (silentForMs() > silenceMs) return cut.abort(unavailable('It has gone silent.'))
        if (!probes || silentForMs() < probeMs) continue
        // A real question: without its database a server still tells its version, and keeps watches open.
        await client.call('GET', path, { query: { ...query, limit: 1 }, signal: stopped.signal })
      }
    }
    look().catch((error: unknown) => {
      if (!stopped.signal.aborted) cut.abort(error)
    })
    return { stop: () => stopped.abort() }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') {
      const { code = 500, reason = '', message = '' } = event.object as StatusObject
      throw new KubeRefusal(code, reason, message)
    }
    const version = event.object.metadata?.resourceVersion
    if (version !== undefined) this.#version = version
    if (event.type !== 'BOOKMARK')
      this.#options.keeper.change(event.object, event.type === 'DELETED' ? 'gone' : 'set')
  }

  /** Whoever waits hears of success and failure alike. */
  #settle(stale: PlatformError | undefined): void {
    this.#stale = stale
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }
}

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  /** Of an error a `Status`. */
  object: T
}

interface StatusObject {
  code?: number
  reason?: string
  message?: string
}

/** As it is on the wire; the client's own types call `continue` otherwise. */
interface ObjectList<T> {
  items: T[]
  metadata?: { continue?: string; resourceVersion?: string }
}

function unavailable(why: string): PlatformError {
  return new PlatformError('scheduler_unavailable', {
    message: `The Kubernetes API server does not answer. ${why}`,
  })
}

function asUnavailable(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error
  const refused = error instanceof KubeRefusal ? ` as it should: ${error.message}` : '.'
  return new PlatformError('scheduler_unavailable', {
    message: `The Kubernetes API server does not answer${refused}`,
    cause: error,
  })
}
