import type { Clock } from '#platform/clock.ts'

import type { ConnectionWaiter } from './upstream-pool.ts'
import type { Upstreams } from './upstreams.ts'

/** How often a control plane that does not answer is tried again. */
const retryEveryMs = 40
/** A replica that refused is left out this long while others answer. */
const restMs = 1000

export interface ControlPlaneOptions {
  upstreams: Upstreams
  clock: Clock
  /** How long a request waits, and how many may. */
  holdMs: number
  maxHeld: number
}

/** A request that waits for any control plane. */
interface Held {
  waiter: ConnectionWaiter
  untilMs: number
}

/** Gives connections to the control plane's replicas in turn, and holds requests while none answers. */
export class ControlPlaneUpstream {
  readonly #options: ControlPlaneOptions
  readonly #held = new Set<Held>()
  readonly #restUntilMs = new Map<string, number>()
  #targets: readonly string[] = []
  #turn = 0
  #retry: NodeJS.Timeout | undefined

  constructor(options: ControlPlaneOptions) {
    this.#options = options
  }

  /** Requests that wait now. */
  get heldCount(): number {
    return this.#held.size
  }

  /** Replaces the replicas; none means that all requests wait. */
  setTargets(targets: readonly string[]): void {
    this.#targets = targets
    this.#restUntilMs.clear()
    this.#releaseHeld()
  }

  /**
   * Calls back with a connection to a replica. While none accepts, it waits until `untilMs` (monotonic; by default the configured time
   * from now).
   */
  connect(waiter: ConnectionWaiter, { untilMs }: { untilMs?: number } = {}): void {
    const deadlineMs = untilMs ?? this.#options.clock.monotonic() + this.#options.holdMs
    this.#tryEach(this.#listTargets(), { waiter, untilMs: deadlineMs })
  }

  close(): void {
    clearTimeout(this.#retry)
    for (const held of this.#held) held.waiter.onNoConnection(new Error('the edge is stopping'))
    this.#held.clear()
  }

  /** Replicas from the next in turn on; those that just refused come last. */
  #listTargets(): string[] {
    const count = this.#targets.length
    if (count < 2) return [...this.#targets]
    this.#turn = (this.#turn + 1) % count
    const inTurn = [...this.#targets.slice(this.#turn), ...this.#targets.slice(0, this.#turn)]
    const now = this.#options.clock.monotonic()
    const isResting = (target: string) => (this.#restUntilMs.get(target) ?? 0) > now
    return [...inTurn.filter((target) => !isResting(target)), ...inTurn.filter(isResting)]
  }

  #tryEach(targets: readonly string[], held: Held): void {
    const [target, ...others] = targets
    if (target === undefined) {
      this.#hold(held)
      return
    }
    const pool = this.#options.upstreams.find(target)
    if (pool === undefined) {
      this.#tryEach(others, held)
      return
    }
    pool.connect({
      onConnection: (connection) => held.waiter.onConnection(connection),
      onNoConnection: () => {
        this.#restUntilMs.set(target, this.#options.clock.monotonic() + restMs)
        this.#tryEach(others, held)
      },
    })
  }

  #hold(held: Held): void {
    if (this.#held.size >= this.#options.maxHeld || held.untilMs <= this.#options.clock.monotonic()) {
      held.waiter.onNoConnection(new Error('no control plane answers'))
      return
    }
    this.#held.add(held)
    this.#retry ??= setTimeout(() => this.#retryHeld(), retryEveryMs)
  }

  /** One request tries for all: a thousand that wait must not storm a control plane that comes up. */
  #retryHeld(): void {
    this.#retry = undefined
    this.#expireHeld()
    const [first] = this.#held
    if (first === undefined) return
    this.#held.delete(first)
    const { waiter } = first
    this.#tryEach(this.#listTargets(), {
      untilMs: first.untilMs,
      waiter: {
        onConnection: (connection) => {
          waiter.onConnection(connection)
          this.#releaseHeld()
        },
        onNoConnection: (error) => waiter.onNoConnection(error),
      },
    })
    // The attempt may take long; the others' time runs on.
    if (this.#held.size > 0) this.#retry ??= setTimeout(() => this.#retryHeld(), retryEveryMs)
  }

  #expireHeld(): void {
    const now = this.#options.clock.monotonic()
    for (const held of this.#held) {
      if (held.untilMs > now) continue
      this.#held.delete(held)
      held.waiter.onNoConnection(new Error('no control plane answers'))
    }
  }

  #releaseHeld(): void {
    if (this.#targets.length === 0) return
    const released = [...this.#held]
    this.#held.clear()
    for (const held of released) this.#tryEach(this.#listTargets(), held)
  }
}
