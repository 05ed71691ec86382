import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'

import type { Edge, EdgeReport, TargetFailure } from '#edge/edge.ts'
import { ConnectionLostError, type ControlClient, connectToEdge, type Push } from './control-client.ts'
import type { EdgeStatus } from './control-messages.ts'
import type { EdgeLog } from './edge-process.ts'
import { emit, type Listeners, subscribe } from './listeners.ts'

export interface BuiltinEdgeOptions {
  /** The edge's control socket. */
  controlSocketPath: string
  /** The fencing number of the caller's lease, asked for with every push. Without leases: 0. */
  fence: () => number
  /** Makes sure that an edge runs; called before every attempt to connect. See `ensureEdgeProcess`. */
  ensureRunning: () => Promise<unknown>
  log: EdgeLog
}

/** An edge that tells how it is, or all edges of a platform together. */
export interface WatchedEdge extends Edge {
  status(): Promise<EdgeStatus>
}

/** What the built-in edge can do besides. */
export interface BuiltinEdge extends WatchedEdge {
  /** Replaces the process by one of the program and configuration as they are on disk now; no request and no websocket is lost. */
  handOver(): Promise<void>
}

/** Between attempts to reach an edge that has gone. */
const retryMs = 100

/**
 * Connects to the edge process. When the process dies it is started again and `onReset` is called; pushes that it did not acknowledge are
 * sent again; if it came back empty, after the next `replace`.
 */
export async function createBuiltinEdge(options: BuiltinEdgeOptions): Promise<BuiltinEdge> {
  const edge = new BuiltinEdgeClient(options)
  await edge.connect()
  return edge
}

class BuiltinEdgeClient implements BuiltinEdge {
  readonly #options: BuiltinEdgeOptions
  readonly #reportListeners: Listeners<EdgeReport> = new Set()
  readonly #failureListeners: Listeners<TargetFailure> = new Set()
  readonly #resetListeners: Listeners<void> = new Set()
  #client: Promise<ControlClient> | undefined
  #publicUrl = ''
  #isClosed = false
  /** Settles with the first `replace` after the edge came back empty. */
  #refill: PromiseWithResolvers<void> | undefined

  constructor(options: BuiltinEdgeOptions) {
    this.#options = options
  }

  get publicUrl(): string {
    return this.#publicUrl
  }

  async connect(): Promise<void> {
    await this.#getClient()
  }

  async replace(state: Parameters<Edge['replace']>[0]): Promise<void> {
    await this.#push({ type: 'replace', state })
    this.#refill?.resolve()
    this.#refill = undefined
  }

  async apply(changes: Parameters<Edge['apply']>[0]): Promise<void> {
    if (changes.length === 0) return
    for (;;) {
      try {
        await this.#push({ type: 'apply', changes })
        return
      } catch (error) {
        if (!isPlatformError(error, 'conflict')) throw error
        // The edge is empty. What it is filled with may have been read before these changes were made: they are sent again.
        this.#refill ??= Promise.withResolvers()
        await this.#refill.promise
      }
    }
  }

  async status(): Promise<EdgeStatus> {
    return (await this.#request({ type: 'status' })) as EdgeStatus
  }

  async handOver(): Promise<void> {
    const client = await this.#getClient()
    await client.request({ type: 'hand-over' })
  }

  onReport(listener: (report: EdgeReport) => void): () => void {
    return subscribe(this.#reportListeners, listener)
  }

  onTargetFailed(listener: (failure: TargetFailure) => void): () => void {
    return subscribe(this.#failureListeners, listener)
  }

  onReset(listener: () => void): () => void {
    return subscribe(this.#resetListeners, listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const client = await this.#client?.catch(() => undefined)
    client?.close()
    this.#refill?.reject(new PlatformError('internal', { detail: 'the edge was let go of' }))
  }

  async #push(push: Push): Promise<void> {
    await this.#request({ ...push, fence: this.#options.fence() })
  }

  /** Sends a request that may be sent twice, until it is answered. */
  async #request(push: Push): Promise<EdgeStatus | undefined> {
    for (;;) {
      const client = await this.#getClient()
      try {
        return await client.request(push)
      } catch (error) {
        if (!(error instanceof ConnectionLostError) || this.#isClosed) throw error
      }
    }
  }

  /** The present connection, or the one that is being made. */
  #getClient(): Promise<ControlClient> {
    if (this.#isClosed) throw new PlatformError('internal', { detail: 'the edge was let go of' })
    this.#client ??= this.#connect()
    return this.#client
  }

  async #connect(): Promise<ControlClient> {
    await this.#options.ensureRunning()
    const client = await connectToEdge(this.#options.controlSocketPath, {
      onReport: (report) => emit(this.#reportListeners, report),
      onTargetFailed: (failure) => emit(this.#failureListeners, failure),
      onClose: () => this.#onClose(),
    })
    const isFirst = this.#publicUrl === ''
    this.#publicUrl = client.hello.publicUrl
    if (!isFirst && client.hello.isEmpty) emit(this.#resetListeners, undefined)
    return client
  }

  #onClose(): void {
    this.#client = undefined
    if (!this.#isClosed) void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    while (!this.#isClosed && this.#client === undefined) {
      try {
        await this.#getClient()
      } catch (error) {
        this.#client = undefined
        this.#options.log.warn({ reason: (error as Error).message }, 'edge cannot be reached')
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }
}
