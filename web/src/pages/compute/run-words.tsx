import { hasEnded, type JobState } from '@atrium/contract/jobs.ts'
import type { RunView } from '@atrium/contract/runs-api.ts'

import { formatCount } from '#ui/amounts.ts'
import { Badge, type Tone } from '#ui/badge.tsx'
import { StackedBar } from '#ui/stacked-bar.tsx'
import { formatDuration, useNow } from '#ui/time.tsx'

export const runStateWords: Record<JobState, { word: string; tone: Tone; moving?: boolean }> = {
  queued: { word: 'Waiting for quota', tone: 'neutral', moving: true },
  pending: { word: 'Waiting for a node', tone: 'neutral', moving: true },
  starting: { word: 'Starting', tone: 'accent', moving: true },
  running: { word: 'Running', tone: 'accent', moving: true },
  stopping: { word: 'Stopping', tone: 'warn', moving: true },
  succeeded: { word: 'Done', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  cancelled: { word: 'Cancelled', tone: 'neutral' },
  preempted: { word: 'Preempted', tone: 'warn' },
  unknown: { word: 'Unknown', tone: 'warn', moving: true },
}

export function RunStateBadge({ state }: { state: JobState }) {
  const { word, tone, moving } = runStateWords[state]
  return (
    <Badge tone={tone} dot={moving ? 'pulsing' : 'still'}>
      {word}
    </Badge>
  )
}

/** True until the job has a node. */
export function isWaiting(state: JobState): boolean {
  return state === 'queued' || state === 'pending'
}

/** `8 tasks on 2 nodes`, `Array of 100`; nothing of a single program. */
export function describeShape({ tasks, nodes, array, jobs }: RunView): string | undefined {
  const parts = [
    array !== undefined && `Array of ${jobs.total.toLocaleString('en')}`,
    tasks > 1 && formatCount(tasks, 'task'),
    nodes !== undefined && nodes > 1 && `on ${formatCount(nodes, 'node')}`,
  ]
  return parts.filter(Boolean).join(' ') || undefined
}

/** `37 of 100 done`, what failed, and all as a bar. */
export function RunJobs({ jobs }: Pick<RunView, 'jobs'>) {
  const { total, waiting, running, succeeded, failed, cancelled } = jobs
  return (
    <div className="worker-count">
      <span>
        {succeeded} of {total} done
        {failed > 0 && <span className="bad-text">, {failed} failed</span>}
      </span>
      <StackedBar
        label={`${succeeded} done, ${failed} failed, ${cancelled} cancelled, ${running} running, ${waiting} waiting`}
        total={total}
        parts={[
          { key: 'succeeded', amount: succeeded, tone: 'good' },
          { key: 'failed', amount: failed, tone: 'bad' },
          { key: 'cancelled', amount: cancelled, tone: 'neutral' },
          { key: 'running', amount: running, tone: 'accent' },
        ]}
      />
    </div>
  )
}

/** How it ended for the system: exit status or signal. */
export function describeExit({
  exitCode,
  exitSignal,
}: Pick<RunView, 'exitCode' | 'exitSignal'>): string | undefined {
  if (exitSignal !== undefined) return exitSignal
  return exitCode === undefined ? undefined : String(exitCode)
}

/** How long it took, or has been running so far. */
export function RunTime({ run: { state, startedAtMs, endedAtMs } }: { run: RunView }) {
  const now = useNow(1_000)
  if (startedAtMs === undefined) return null
  const endMs = endedAtMs ?? (hasEnded(state) ? startedAtMs : now)
  return <span className="nowrap">{formatDuration(endMs - startedAtMs)}</span>
}
