import type { RunDetail, RunView } from '@atrium/contract/runs-api.ts'

import { describeJobEnvironment, parseJobEnvironment } from '#scheduler/job-environment.ts'
import type { Job, JobWait } from '#scheduler/job-record.ts'

import { parseArrayKey } from './run-plan.ts'
import { isOver, type RunProgress } from './run-progress.ts'
import type { RunRecord } from './run-records.ts'

/** A run as people see it. `wait`: its place in our own queue, where it is known. */
export function buildRunView(run: RunRecord, progress: RunProgress, wait?: JobWait): RunView {
  const { counts, startedAtMs, endedAtMs } = progress
  const estimatedStartMs = wait?.estimatedStartMs ?? progress.estimatedStartMs
  return dropUndefined<RunView>({
    id: run.id,
    name: run.name,
    user: run.user,
    kind: run.kind,
    command: [...run.command],
    tasks: run.tasks,
    nodes: run.nodes ?? undefined,
    array: run.array ?? undefined,
    profile: run.profile ?? undefined,
    prefix: describeJobEnvironment(parseJobEnvironment(run.prefix)),
    workingDirectory: run.workingDirectory,
    state: progress.state,
    reason: progress.reason,
    message: progress.message,
    exitCode: progress.exitCode,
    exitSignal: progress.exitSignal,
    jobs: counts,
    job: run.array === null ? run.jobKey : undefined,
    place: wait?.place ?? progress.place,
    estimatedStartAtMs: estimatedStartMs === undefined ? undefined : Math.round(estimatedStartMs),
    schedule: run.scheduleId ?? undefined,
    result: run.result ?? undefined,
    createdAtMs: run.createdAtMs,
    startedAtMs,
    endedAtMs: isOver(progress) ? endedAtMs : undefined,
  })
}

/** One job of a run, for its owner. */
export function buildRunJobView(run: RunRecord, job: Job): RunDetail['jobList'][number] {
  return dropUndefined<RunDetail['jobList'][number]>({
    index: run.array === null ? undefined : parseArrayKey(run.jobKey, job.key),
    job: job.key,
    state: job.state,
    try: job.attempts,
    node: job.node,
    reason: job.reason,
    message: job.message,
    exitCode: job.exitCode,
    exitSignal: job.exitSignal,
    logTail: job.logTail,
    startedAtMs: job.startedAtMs,
    endedAtMs: job.endedAtMs,
  })
}

/** Absent and undefined are the same in JSON, but not in types. */
function dropUndefined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T
}
