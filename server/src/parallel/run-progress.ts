import { endedJobStates, hasEnded, type JobState } from '@atrium/contract/jobs.ts'
import type { RunJobCounts } from '@atrium/contract/runs-api.ts'

import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'

import { buildRunSubject } from './run-plan.ts'
import type { RunRecord } from './run-records.ts'

/** What has become of a run's jobs, in one. */
export interface RunProgress {
  state: JobState
  counts: RunJobCounts
  reason?: string
  message?: string
  exitCode?: number
  exitSignal?: string
  startedAtMs?: number
  endedAtMs?: number
  /** In the scheduler's queue. */
  place?: number
  estimatedStartMs?: number
}

/** The progress of a run that has ended, as it is kept. */
export type RunOutcome = RunProgress

/** Which states are counted as what. */
export const countedStates = {
  waiting: ['queued', 'pending'],
  running: ['starting', 'running', 'stopping', 'unknown'],
  succeeded: ['succeeded'],
  failed: ['failed', 'preempted'],
  cancelled: ['cancelled'],
} as const satisfies Record<Exclude<keyof RunJobCounts, 'total'>, readonly JobState[]>

/** The first of these that any job is in is the state of an array: while one runs it runs. */
const precedence = [
  'running',
  'starting',
  'stopping',
  'unknown',
  'pending',
  'queued',
  'failed',
  'preempted',
  'cancelled',
  'succeeded',
] as const satisfies readonly JobState[]

type Counts = Partial<Record<JobState, number>>

/** How these runs stand now, by id. Costs one record for a run of one job, and a few figures for an array of whatever size. */
export async function readProgress(
  jobs: Pick<Jobs, 'findMany' | 'summarise' | 'list'>,
  runs: readonly RunRecord[],
): Promise<ReadonlyMap<number, RunProgress>> {
  const progress = new Map<number, RunProgress>()
  const open = runs.filter(({ outcome }) => outcome === null)
  for (const { id, outcome } of runs) if (outcome !== null) progress.set(id, outcome)
  const single = open.filter(({ array }) => array === null)
  const found = await jobs.findMany(single.map(({ jobKey }) => jobKey))
  for (const { id, jobKey } of single) progress.set(id, buildJobProgress(found.get(jobKey)))
  const arrays = open.filter(({ array }) => array !== null)
  const summaries = await jobs.summarise(arrays.map(({ id }) => buildRunSubject(id)))
  for (const run of arrays) {
    const summary = summaries.get(buildRunSubject(run.id)) ?? { counts: {} }
    const { counts, ...times } = summary
    progress.set(run.id, { ...(await buildArrayProgress(jobs, run, counts)), ...times })
  }
  return progress
}

/** A job whose record is gone ended long ago. */
function buildJobProgress(job: Job | undefined): RunProgress {
  if (job === undefined) return { state: 'failed', counts: countJobs({ failed: 1 }), ...lost }
  const { state, reason, message, exitCode, exitSignal, startedAtMs, endedAtMs, wait } = job
  return {
    state,
    counts: countJobs({ [state]: 1 }),
    ...dropUndefined({ reason, message, exitCode, exitSignal, startedAtMs, endedAtMs }),
    ...dropUndefined({ place: wait?.place, estimatedStartMs: wait?.estimatedStartMs }),
  }
}

const lost = { reason: 'not_observed', message: 'Nobody saw how it ended.' }

async function buildArrayProgress(
  jobs: Pick<Jobs, 'list'>,
  run: RunRecord,
  found: Counts,
): Promise<RunProgress> {
  const missing = run.jobCount - sum(found)
  const counts = missing > 0 ? { ...found, failed: (found.failed ?? 0) + missing } : found
  const state = precedence.find((candidate) => (counts[candidate] ?? 0) > 0) ?? 'failed'
  const progress = { state, counts: countJobs(counts) }
  if (!hasEnded(state)) return progress
  if (state === 'succeeded') return { ...progress, exitCode: 0 }
  return { ...progress, ...(await explainEnd(jobs, run)) }
}

/** What the first job that ended without success says. */
async function explainEnd(jobs: Pick<Jobs, 'list'>, run: RunRecord): Promise<Partial<RunProgress>> {
  const subject = buildRunSubject(run.id)
  const first = async (states: readonly JobState[]) =>
    (await jobs.list({ subject, states, oldestFirst: true, limit: 1 }))[0]
  const job = (await first(countedStates.failed)) ?? (await first(['cancelled']))
  if (job === undefined) return lost
  const { reason, message, exitCode, exitSignal } = job
  return dropUndefined({ reason, message, exitCode, exitSignal })
}

function countJobs(counts: Counts): RunJobCounts {
  const add = (states: readonly JobState[]) =>
    states.reduce((total, state) => total + (counts[state] ?? 0), 0)
  return {
    total: sum(counts),
    waiting: add(countedStates.waiting),
    running: add(countedStates.running),
    succeeded: add(countedStates.succeeded),
    failed: add(countedStates.failed),
    cancelled: add(countedStates.cancelled),
  }
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** True when no job of the run can run any more. */
export function isOver({ state }: RunProgress): boolean {
  return (endedJobStates as readonly JobState[]).includes(state)
}

function dropUndefined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> }
}
