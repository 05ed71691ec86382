import { type ServerDetails, type ServerState, serverStateOf } from '@atrium/contract/servers.ts'

import type { Job } from '#scheduler/job-record.ts'

import { buildIdleState } from './idle-state.ts'
import type { IdleSettings } from './profile-config.ts'
import { buildProgressPath, buildServerPath } from './server-paths.ts'
import type { ServerRecord } from './server-records.ts'

/** Everything the portal shows of a server. */
export function buildServerDetails(
  record: ServerRecord,
  job: Job | undefined,
  idle: IdleSettings,
): ServerDetails {
  const state = findState(job)
  return dropUndefined({
    user: record.user,
    name: record.name,
    displayName: record.displayName === record.name ? undefined : record.displayName,
    state,
    url: buildServerPath(record.user, record.name),
    progressUrl: buildProgressPath(record.user, record.name),
    profile: record.profile ?? undefined,
    account: typeof record.userOptions['account'] === 'string' ? record.userOptions['account'] : undefined,
    lastActivityAtMs: record.lastActivityMs ?? undefined,
    ...(job === undefined ? {} : describeJob(job)),
    idle: state === 'running' ? buildIdleState(record, idle) : undefined,
  })
}

function findState(job: Job | undefined): ServerState {
  const state = serverStateOf(job?.state)
  const isLeaving = job?.desired === 'stop' && (state === 'running' || state === 'starting')
  return isLeaving ? 'stopping' : state
}

function describeJob(job: Job) {
  const { cpu, memoryBytes, gpu } = job.spec.resources
  return {
    jobKey: job.key,
    node: job.node,
    reason: job.reason,
    message: job.message,
    exitCode: job.exitCode,
    logTail: job.logTail,
    place: job.wait?.place,
    estimatedStartAtMs: job.wait?.estimatedStartMs,
    requestedAtMs: job.requestedAtMs,
    readyAtMs: job.readyAtMs,
    endsAtMs: job.endsAtMs,
    endsSoon: job.timeWarnedAtMs === undefined ? undefined : true,
    restarts: job.restarts,
    usage: job.usage,
    limits: dropUndefined({ cpu, memoryBytes, gpu }),
  }
}

/** Absent and undefined are the same in JSON, but not in types. */
type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>
}

function dropUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>
}
