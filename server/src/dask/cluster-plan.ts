import { hasEnded } from '@atrium/contract/jobs.ts'

import type { JobKey } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'

import type { ClusterChange, ClusterRecord } from './cluster-records.ts'
import type { ClusterEnd } from './cluster-stopper.ts'
import { isReady } from './cluster-view.ts'
import { findLosses } from './worker-losses.ts'
import type { WorkerRecord } from './worker-records.ts'

/** Everything a cluster's next step is decided by. */
export interface ClusterSight {
  record: ClusterRecord
  scheduler: Job | undefined
  /** Those that are not settled. */
  workers: readonly WorkerRecord[]
  /** Workers it may have. */
  limit: number
  /** Any of its workers was connected once. */
  everConnected: boolean
  nowMs: number
}

/** The next step of a cluster towards what is wanted of it. */
export interface ClusterPlan {
  change: ClusterChange
  /** Workers whose jobs have ended. */
  settled: readonly JobKey[]
  /** Workers that are wanted no more. */
  closing: readonly JobKey[]
  /** How many more are wanted. */
  start: number
  /** It is to end, for this reason. */
  end?: ClusterEnd
  /** Everything of it has ended. */
  isOver: boolean
  /** Its scheduler does not know yet what is wanted. */
  tell: boolean
  /** When to look again, whatever is heard. */
  wakeAtMs?: number
}

/** A worker that its scheduler said it closes has so long to bring its data elsewhere. */
const closingPatienceMs = 10 * 60_000

/** Decides the next step; changes nothing. */
export function planCluster(sight: ClusterSight): ClusterPlan {
  const { record, scheduler, workers } = sight
  const settled = workers.filter(({ state }) => state === undefined || hasEnded(state))
  const present = workers.filter((worker) => !settled.includes(worker))
  const nothing = { change: {}, closing: [], start: 0, isOver: false, tell: false }
  const plan = { ...nothing, settled: settled.map(({ job }) => job) }
  const isSchedulerOver = scheduler === undefined || hasEnded(scheduler.state)
  if (record.desired === 'stop') {
    return {
      ...plan,
      closing: present.map(({ job }) => job),
      isOver: isSchedulerOver && present.length === 0,
    }
  }
  if (isSchedulerOver) return { ...plan, end: explainEnd(scheduler) }
  if (!isReady(scheduler)) return plan
  const losses = findLosses(sight, settled)
  if (losses.end !== undefined) return { ...plan, end: losses.end }
  return {
    ...plan,
    ...planSize({ ...sight, record: { ...record, ...losses.change } }, present, losses.change),
  }
}

function explainEnd(scheduler: Job | undefined): ClusterEnd {
  if (scheduler?.state === 'succeeded') {
    return { outcome: 'stopped', reason: 'shut_down', message: 'Its scheduler was shut down.' }
  }
  const why = scheduler?.message ?? 'Its record is gone.'
  return {
    outcome: 'failed',
    reason: 'scheduler_failed',
    message: `Its scheduler ended. ${why}`,
    ...(scheduler?.logTail === undefined ? {} : { logTail: scheduler.logTail }),
  }
}

/** More workers or fewer, of a cluster whose scheduler runs. */
function planSize(
  { record, limit, nowMs }: ClusterSight,
  present: readonly WorkerRecord[],
  losses: ClusterChange,
): Pick<ClusterPlan, 'change' | 'closing' | 'start' | 'tell' | 'wakeAtMs'> {
  const active = present.filter(({ closingAtMs }) => closingAtMs === null)
  const wanted = Math.min(record.wanted, limit)
  const missing = Math.max(0, wanted - active.length)
  const waitMs = missing > 0 && record.replaceAtMs !== null ? record.replaceAtMs - nowMs : 0
  const overdue = present.filter(
    ({ closingAtMs, desired }) =>
      closingAtMs !== null && desired === 'run' && closingAtMs + closingPatienceMs <= nowMs,
  )
  const surplus = findSurplus(record, active, active.length - wanted)
  const isWhole = record.trouble !== null && active.every(({ connectedAtMs }) => connectedAtMs !== null)
  return {
    change: {
      ...losses,
      ...(record.startedAtMs === null ? { startedAtMs: nowMs } : {}),
      ...(isWhole && missing === 0 ? { trouble: null } : {}),
    },
    closing: [...surplus, ...overdue].map(({ job }) => job),
    start: waitMs > 0 ? 0 : missing,
    tell: record.wish > record.wishTold,
    ...findWake(present, nowMs, waitMs),
  }
}

function findWake(present: readonly WorkerRecord[], nowMs: number, waitMs: number): { wakeAtMs?: number } {
  const dues = present.flatMap(({ closingAtMs, desired }) =>
    closingAtMs === null || desired === 'stop' ? [] : [closingAtMs + closingPatienceMs],
  )
  if (waitMs > 0) dues.push(nowMs + waitMs)
  const next = Math.min(...dues.filter((dueMs) => dueMs > nowMs))
  return Number.isFinite(next) ? { wakeAtMs: next } : {}
}

/**
 * Which workers can go without asking the scheduler: the newest of those that wait. Those that start may be connected by now, so they are
 * left alone until it has said, knowing what is wanted, who is there. Connected ones it chooses itself, with their data in view.
 */
function findSurplus(
  { reported, wanted, wish, wishTold }: ClusterRecord,
  active: readonly WorkerRecord[],
  count: number,
): readonly WorkerRecord[] {
  if (count <= 0) return []
  const hasSpoken = wish === wishTold && reported === wanted
  const isWaiting = ({ state }: WorkerRecord) => state === 'queued' || state === 'pending'
  const free = active.filter((worker) => worker.connectedAtMs === null && (hasSpoken || isWaiting(worker)))
  return [...free.filter((worker) => !isWaiting(worker)), ...free.filter(isWaiting)].reverse().slice(0, count)
}
