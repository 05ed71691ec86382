import type { Insertable, Selectable, Updateable } from 'kysely'

import type { JobsTable } from '#store/tables.ts'
import type { JobEndpoint, JobHandle, JobSpec } from './job.ts'
import type { Job, JobPolicy, JobRestarts, JobUsage, JobWait } from './job-record.ts'
import { countClusters } from './quota.ts'

export type JobRow = Omit<Selectable<JobsTable>, 'secrets'>
export type NewJobRow = Insertable<JobsTable>

/** Every column but the secrets, so that no reading of jobs carries them. */
export const jobColumns = [
  'id',
  'key',
  'kind',
  'driver',
  'user_id',
  'group_id',
  'subject',
  'desired',
  'state',
  'spec',
  'policy',
  'handle',
  'endpoint',
  'node',
  'reason',
  'message',
  'exit_code',
  'exit_signal',
  'log_tail',
  'wait',
  'servers',
  'workers',
  'cpu',
  'memory_bytes',
  'gpu',
  'attempts',
  'failed_starts',
  'retry_at',
  'priority',
  'usage',
  'restarts',
  'requested_at',
  'submitted_at',
  'started_at',
  'ready_at',
  'stop_requested_at',
  'ends_at',
  'time_warned_at',
  'ended_at',
] as const satisfies readonly (keyof JobRow)[]

/** What can change of a job's record; null clears. */
export type JobChange = {
  [K in Exclude<keyof Job, 'key' | 'kind' | 'driver' | 'spec' | 'policy' | 'amounts'>]?: Job[K] | null
} & { secrets?: null }

/** Reads a record. */
export function parseJobRow(row: JobRow): Job {
  return {
    key: row.key,
    kind: row.kind,
    driver: row.driver,
    userId: row.user_id,
    groupId: row.group_id,
    subject: row.subject,
    desired: row.desired,
    state: row.state,
    spec: JSON.parse(row.spec) as JobSpec,
    policy: JSON.parse(row.policy) as JobPolicy,
    amounts: {
      servers: row.servers,
      clusters: countClusters(row.kind),
      workers: row.workers,
      cpu: row.cpu,
      memoryBytes: row.memory_bytes,
      gpu: row.gpu,
    },
    priority: row.priority,
    attempts: row.attempts,
    failedStarts: row.failed_starts,
    requestedAtMs: row.requested_at,
    ...dropNulls({
      retryAtMs: row.retry_at,
      handle: parseJson<JobHandle>(row.handle),
      endpoint: parseJson<JobEndpoint>(row.endpoint),
      node: row.node,
      reason: row.reason,
      message: row.message,
      wait: parseJson<JobWait>(row.wait),
      exitCode: row.exit_code,
      exitSignal: row.exit_signal,
      logTail: row.log_tail,
      usage: parseJson<JobUsage>(row.usage),
      restarts: parseJson<JobRestarts>(row.restarts),
      submittedAtMs: row.submitted_at,
      startedAtMs: row.started_at,
      readyAtMs: row.ready_at,
      stopRequestedAtMs: row.stop_requested_at,
      endsAtMs: row.ends_at,
      timeWarnedAtMs: row.time_warned_at,
      endedAtMs: row.ended_at,
    }),
  }
}

/** The record as it is after a change. */
export function applyChange(job: Job, change: JobChange): Job {
  const { secrets: _, ...fields } = change
  const present = Object.entries({ ...job, ...fields }).filter(([, value]) => value !== null)
  // The two fields of a job that may be null were left out with the nulls; every other is optional or never null.
  return { userId: null, groupId: null, ...Object.fromEntries(present) } as Job
}

/** How each changeable field is stored. */
const columnsOfFields = {
  userId: 'user_id',
  groupId: 'group_id',
  subject: 'subject',
  desired: 'desired',
  state: 'state',
  priority: 'priority',
  attempts: 'attempts',
  failedStarts: 'failed_starts',
  retryAtMs: 'retry_at',
  handle: 'handle',
  endpoint: 'endpoint',
  node: 'node',
  reason: 'reason',
  message: 'message',
  wait: 'wait',
  exitCode: 'exit_code',
  exitSignal: 'exit_signal',
  logTail: 'log_tail',
  usage: 'usage',
  restarts: 'restarts',
  requestedAtMs: 'requested_at',
  submittedAtMs: 'submitted_at',
  startedAtMs: 'started_at',
  readyAtMs: 'ready_at',
  stopRequestedAtMs: 'stop_requested_at',
  endsAtMs: 'ends_at',
  timeWarnedAtMs: 'time_warned_at',
  endedAtMs: 'ended_at',
  secrets: 'secrets',
} as const satisfies Record<keyof JobChange, keyof JobsTable>

/**
 * The columns that a change writes. Text from schedulers and programs is freed of NULs and their times of fractions: PostgreSQL takes
 * neither.
 */
export function buildJobUpdate(change: JobChange): Updateable<JobsTable> {
  const update: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(change)) {
    const column = columnsOfFields[field as keyof JobChange]
    if (typeof value === 'string') update[column] = withoutNuls(value)
    else if (typeof value === 'number') update[column] = Math.round(value)
    else update[column] = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  }
  return update
}

/** Text as both databases can hold it. */
export function withoutNuls(text: string): string {
  return text.replaceAll('\0', '')
}

function parseJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T)
}

type WithoutNulls<T> = { [K in keyof T]?: Exclude<T[K], null> }

function dropNulls<T extends object>(fields: T): WithoutNulls<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as WithoutNulls<T>
}
