import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import type { Lease, Store } from './store.ts'

/** The time in which this replica alone does what only one may do. */
export interface Term {
  readonly lease: Lease
  /** Aborts when the term is over. */
  readonly signal: AbortSignal
}

/** A part of the work of whoever leads. It resolves when `term.signal` aborts; a rejection is logged and the part is not run again in this term. */
export type LeaderPart = (term: Term) => Promise<void>

/** Takes part in the election of one leader among the replicas. */
export interface Leadership {
  start(): void
  /** Ends the term and lets the next replica take over at once. */
  close(): Promise<void>
}

interface LeadershipOptions {
  store: Store
  /** The lease's name. */
  name: string
  /** Unique name of this replica. */
  replica: string
  /** How long a leader that died keeps others waiting. */
  leaseMs: number
  parts: readonly LeaderPart[]
  clock: Clock
  log: Logger
}

/** Runs `parts` whenever this replica holds the lease. */
export function createLeadership(options: LeadershipOptions): Leadership {
  const stop = new AbortController()
  let running: Promise<void> | undefined
  return {
    start() {
      running ??= campaign(options, stop.signal)
    },
    async close() {
      stop.abort()
      await running
    },
  }
}

interface RunningTerm {
  lease: Lease
  renewedAtMs: number
  end(): Promise<void>
}

async function campaign(options: LeadershipOptions, signal: AbortSignal): Promise<void> {
  const { store, clock, leaseMs } = options
  let term: RunningTerm | undefined
  while (!signal.aborted) {
    const askedAtMs = clock.monotonic()
    const lease = await askForLease(options)
    if (term !== undefined && isOver(term, lease, askedAtMs - leaseMs)) {
      await term.end()
      term = undefined
    }
    if (lease !== undefined && lease !== 'unknown') {
      term ??= beginTerm(options, lease, askedAtMs)
      term.renewedAtMs = askedAtMs
    }
    await clock.sleep(leaseMs / 3, { signal }).catch(() => {})
  }
  await term?.end()
  if (term !== undefined) await store.releaseLease(term.lease).catch(() => {})
}

/** `unknown`: the store did not answer, and what was held is held until its time is over. */
async function askForLease({ store, name, replica, leaseMs, log }: LeadershipOptions) {
  try {
    return await store.acquireLease(name, replica, leaseMs)
  } catch (error) {
    log.warn({ err: error, lease: name }, 'lease could not be renewed')
    return 'unknown'
  }
}

function isOver(term: RunningTerm, lease: Lease | undefined | 'unknown', deadlineMs: number): boolean {
  if (lease === 'unknown') return term.renewedAtMs <= deadlineMs
  return lease?.fence !== term.lease.fence
}

function beginTerm({ parts, log }: LeadershipOptions, lease: Lease, renewedAtMs: number): RunningTerm {
  const over = new AbortController()
  const run = async (part: LeaderPart) => {
    try {
      await part({ lease, signal: over.signal })
    } catch (error) {
      if (!over.signal.aborted)
        log.error({ err: error, lease: lease.name }, 'a part of the leader’s work broke off')
    }
  }
  log.info({ lease: lease.name, fence: lease.fence }, 'this replica leads')
  const work = Promise.all(parts.map(run))
  return {
    lease,
    renewedAtMs,
    async end() {
      over.abort()
      await work
      log.info({ lease: lease.name, fence: lease.fence }, 'this replica leads no more')
    },
  }
}
