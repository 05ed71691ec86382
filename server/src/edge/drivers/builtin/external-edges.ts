import type { Socket } from 'node:net'

import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'

import type { EdgeChange, EdgeReport, EdgeState, TargetFailure } from '#edge/edge.ts'
import type { WatchedEdge } from './builtin-edge.ts'
import { ConnectionLostError, type Push } from './control-client.ts'
import type { EdgeHello, EdgeStatus } from './control-messages.ts'
import { EdgeLink, type EdgeLinkTimes } from './edge-link.ts'
import type { EdgeLog } from './edge-process.ts'
import { addUpStatus } from './edge-sum.ts'
import { EdgeTable } from './edge-table.ts'
import { emit, type Listeners, subscribe } from './listeners.ts'
import { findPushProblem, type PushContent } from './push-problems.ts'
import { WebsocketCounts } from './websocket-counts.ts'

export interface ExternalEdgesTimes extends EdgeLinkTimes {
  /** How often it is looked which edges there are. */
  lookEveryMs: number
  /** How long something that is told waits for the first edge, while there is none. */
  firstEdgeMs: number
}

export const defaultExternalEdgesTimes: ExternalEdgesTimes = {
  retryMs: 500,
  acknowledgeMs: 4000,
  askEveryMs: 5000,
  lookEveryMs: 1000,
  firstEdgeMs: 5000,
}

export interface ExternalEdgesOptions {
  publicUrl: string
  /** The addresses of all edges that there are now. Rejects when nobody knows. */
  findAddresses(): Promise<readonly string[]>
  /** Starts to connect to one; the connection proves that both are of this platform. */
  open(address: string): Socket
  /** What pushes are fenced by; see `BuiltinEdgeOptions`. */
  fence: () => number
  /** True while this control plane is the one that tells edges everything: then it fills those that come back empty. */
  leads: () => boolean
  log: EdgeLog
  times?: Partial<ExternalEdgesTimes>
}

/**
 * Several edges that run by themselves, on other machines, as one. They come and go: each that is connected is told the same, in the same
 * order, and a new one everything that the others know. One that is lost or silent holds up nobody for long; it is told what it missed when it
 * is back.
 */
export function createExternalEdges(options: ExternalEdgesOptions): WatchedEdge {
  return new ExternalEdges(options)
}

class ExternalEdges implements WatchedEdge {
  readonly #options: ExternalEdgesOptions
  readonly #times: ExternalEdgesTimes
  readonly #links = new Map<string, EdgeLink>()
  readonly #reportListeners: Listeners<EdgeReport> = new Set()
  readonly #failureListeners: Listeners<TargetFailure> = new Set()
  readonly #resetListeners: Listeners<void> = new Set()
  readonly #fillListeners: Listeners<void> = new Set()
  readonly #websockets = new WebsocketCounts()
  /** What all edges were told, by the lease of the number `#toldFence`. */
  readonly #told = new EdgeTable()
  #toldFence = -1
  /** How often an edge was told everything because it had just connected. */
  #fills = 0
  readonly #looker: NodeJS.Timeout
  #isLooking = false
  #lastComplaint = ''

  constructor(options: ExternalEdgesOptions) {
    this.#options = options
    this.#times = { ...defaultExternalEdgesTimes, ...options.times }
    this.#looker = setInterval(() => void this.#look(), this.#times.lookEveryMs)
    void this.#look()
  }

  get publicUrl(): string {
    return this.#options.publicUrl
  }

  async replace(state: EdgeState): Promise<void> {
    const push = { type: 'replace', state } as const
    this.#check(push)
    this.#told.replace(state)
    this.#toldFence = this.#options.fence()
    await this.#tell(push)
  }

  async apply(changes: readonly EdgeChange[]): Promise<void> {
    if (changes.length === 0) return
    const push = { type: 'apply', changes } as const
    this.#check(push)
    for (const change of changes) this.#told.apply(change)
    await this.#tell(push)
  }

  async status(): Promise<EdgeStatus> {
    const asked = await Promise.all(
      this.#connected.map((link) => link.request({ type: 'status' }).catch(() => undefined)),
    )
    const statuses = asked.filter((status) => status !== undefined)
    if (statuses.length === 0) throw new PlatformError('internal', { detail: 'no edge answers' })
    return addUpStatus(statuses)
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
    clearInterval(this.#looker)
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }

  get #connected(): readonly EdgeLink[] {
    return [...this.#links.values()].filter(({ isConnected }) => isConnected)
  }

  /** True while `#told` is what this control plane, and nobody since, has told edges. */
  get #mayFill(): boolean {
    const { leads, fence } = this.#options
    return leads() && this.#toldFence === fence() && !this.#told.isEmpty
  }

  /** What no edge would take must not become what the next one is filled with. */
  #check(push: PushContent): void {
    const problem = findPushProblem(push)
    if (problem !== undefined) throw new PlatformError('bad_request', { detail: problem })
  }

  async #tell(push: Push): Promise<void> {
    const fillsBefore = this.#fills
    const answers = await Promise.all(this.#connected.map((link) => this.#tellOne(link, push)))
    if (!answers.includes(true) && this.#fills === fillsBefore) await this.#waitForFilled()
  }

  /** False: this one was lost, or is empty, and is not among those that know. Rejects when it refuses. */
  async #tellOne(link: EdgeLink, push: Push): Promise<boolean> {
    try {
      await link.request({ ...push, fence: this.#options.fence() })
      return true
    } catch (error) {
      if (error instanceof ConnectionLostError || isPlatformError(error, 'conflict')) return false
      throw error
    }
  }

  /** There was nobody to tell. Who comes next is told everything, this included, if that is our part. */
  async #waitForFilled(): Promise<void> {
    const nobody = new PlatformError('internal', { detail: 'no edge is connected' })
    if (!this.#mayFill) throw nobody
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(nobody), this.#times.firstEdgeMs)
    const stop = subscribe(this.#fillListeners, () => resolve())
    try {
      await promise
    } finally {
      clearTimeout(timer)
      stop()
    }
  }

  #onConnected(link: EdgeLink, hello: EdgeHello): void {
    const { log, publicUrl, leads } = this.#options
    if (hello.publicUrl !== publicUrl)
      log.warn(
        { edge: link.address, theirs: hello.publicUrl, ours: publicUrl },
        'the edge has another publicUrl in its configuration',
      )
    if (this.#mayFill) void this.#fill(link)
    else if (leads() && hello.isEmpty) emit(this.#resetListeners, undefined)
  }

  /** Not only an empty one: who was away may have missed something. */
  async #fill(link: EdgeLink): Promise<void> {
    try {
      await link.request({ type: 'replace', state: this.#told.state, fence: this.#options.fence() })
      this.#fills += 1
      emit(this.#fillListeners, undefined)
    } catch (error) {
      this.#options.log.warn(
        { edge: link.address, reason: (error as Error).message },
        'edge could not be filled',
      )
    }
  }

  #onReport(source: object, report: EdgeReport): void {
    emit(this.#reportListeners, this.#websockets.merge(source, report))
  }

  #onLost(link: EdgeLink): void {
    const report = this.#websockets.forget(link)
    if (report.routes.length > 0) emit(this.#reportListeners, report)
  }

  /** Starts to connect to edges that are new, and lets go of those that are gone from the list and from the net. */
  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const addresses = new Set(await this.#options.findAddresses())
      for (const address of addresses) if (!this.#links.has(address)) this.#open(address)
      for (const [address, link] of this.#links) {
        if (addresses.has(address) || link.isConnected) continue
        link.close()
        this.#links.delete(address)
      }
      this.#lastComplaint = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== this.#lastComplaint)
        this.#options.log.warn({ reason: message }, 'edges cannot be looked up')
      this.#lastComplaint = message
    } finally {
      this.#isLooking = false
    }
  }

  #open(address: string): void {
    const { open, log } = this.#options
    const link = new EdgeLink({
      address,
      times: this.#times,
      log,
      open,
      onConnected: (connected, hello) => this.#onConnected(connected, hello),
      onLost: (lost) => this.#onLost(lost),
      onReport: (source, report) => this.#onReport(source, report),
      onTargetFailed: (failure) => emit(this.#failureListeners, failure),
    })
    this.#links.set(address, link)
  }
}
