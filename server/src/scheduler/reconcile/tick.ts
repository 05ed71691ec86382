import type { JobNotes } from './job-notes.ts'
import type { ReconcileSettings } from './reconcile-context.ts'

const growth = 1.5

/** True for jobs that are on their way somewhere: they are asked about more often than those that just run. */
export function isChanging(notes: JobNotes): boolean {
  return notes.isSubmitted && (notes.state !== 'running' || notes.unknownSinceMs !== undefined)
}

/**
 * Milliseconds until jobs that change are asked about again. Policy: at once often, slower while nothing happens; jobs that wait in the
 * scheduler's queue may wait longer for news than those that start or stop; a driver that gives hints is asked at the slowest pace.
 */
export function chooseTick(
  all: Iterable<JobNotes>,
  { settings, hasHints, quietSteps }: { settings: ReconcileSettings; hasHints: boolean; quietSteps: number },
): number {
  let slowestMs = Number.POSITIVE_INFINITY
  for (const notes of all) {
    if (!isChanging(notes)) continue
    if (notes.state !== 'pending') {
      slowestMs = settings.maxChangingTickMs
      break
    }
    slowestMs = settings.maxPendingTickMs
  }
  if (hasHints || slowestMs === Number.POSITIVE_INFINITY) return slowestMs
  return Math.min(slowestMs, settings.changingTickMs * growth ** Math.min(quietSteps, 30))
}
