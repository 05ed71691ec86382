import type { ClusterSight } from './cluster-plan.ts'
import type { ClusterChange } from './cluster-records.ts'
import type { ClusterEnd } from './cluster-stopper.ts'
import type { WorkerRecord } from './worker-records.ts'

/** After so long without a loss the next one counts as the first. */
const forgottenAfterMs = 10 * 60_000
const firstPauseMs = 1000
const longestPauseMs = 60_000
/** A cluster whose workers broke so often, and none ever came, is not tried any more. */
const mostFruitless = 5

/** They were taken away or had their time, nothing is wrong with them. */
const innocent: ReadonlySet<string | null> = new Set(['preempted', 'node_lost', 'requeued', 'time_limit'])

/**
 * What follows from workers that ended though nobody wanted it: they are replaced, at once the first time, then later and later, so that
 * workers that break at once do not keep everybody busy.
 */
export function findLosses(
  { record, everConnected, workers, nowMs }: ClusterSight,
  settled: readonly WorkerRecord[],
): { change: ClusterChange; end?: ClusterEnd } {
  const lost = settled.filter(({ closingAtMs }) => closingAtMs === null)
  const last = lost.at(-1)
  if (last === undefined) return { change: {} }
  const trouble = describeLoss(last)
  const blamed = lost.filter(({ reason }) => !innocent.has(reason))
  if (blamed.length === 0) return { change: { trouble } }
  const isRecent = record.lostAtMs !== null && nowMs - record.lostAtMs < forgottenAfterMs
  const losses = (isRecent ? record.losses : 0) + 1
  const hasConnected = everConnected || workers.some(({ connectedAtMs }) => connectedAtMs !== null)
  if (losses >= mostFruitless && !hasConnected) {
    return { change: {}, end: { outcome: 'failed', reason: 'workers_failed', message: describeEnd(last) } }
  }
  return { change: { losses, lostAtMs: nowMs, replaceAtMs: nowMs + findPause(losses), trouble } }
}

function findPause(losses: number): number {
  return losses === 1 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (losses - 2))
}

function describeLoss({ message }: WorkerRecord): string {
  return `A worker ended and is replaced. ${message ?? ''}`.trim()
}

function describeEnd({ message }: WorkerRecord): string {
  return `Its workers end before they are connected. ${message ?? ''}`.trim()
}
