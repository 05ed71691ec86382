import type { HubServer } from '@atrium/contract/hub-models.ts'

import type { Job } from '#scheduler/job-record.ts'

import { buildProgressPath, buildServerPath } from './server-paths.ts'
import { buildServerPhase } from './server-phase.ts'
import type { ServerRecord, UserOptions } from './server-records.ts'

/** A server in JupyterHub's REST API. */
export interface HubServerModel extends HubServer {
  display_name: string
  full_name: string
  user_options: UserOptions
  /** Null unless an administrator said where browsers reach the platform. */
  full_url: string | null
  full_progress_url: string | null
  /** What keeps the server, for who holds `admin:server_state`. */
  state?: Readonly<Record<string, unknown>>
}

/** What answers about servers depend on besides the servers. */
export interface ServerModelOptions {
  publicUrl?: string | undefined
  includeState: boolean
}

/** The model of a server and its last job. */
export function buildServerModel(
  record: ServerRecord,
  job: Job | undefined,
  { publicUrl, includeState }: ServerModelOptions,
): HubServerModel {
  const { pending, ready, active } = buildServerPhase(job)
  const url = buildServerPath(record.user, record.name)
  const progressUrl = buildProgressPath(record.user, record.name)
  return {
    name: record.name,
    display_name: record.displayName,
    full_name: `${record.user}/${record.name}`,
    last_activity: formatTime(record.lastActivityMs),
    started: active ? formatTime(record.startedAtMs) : null,
    pending,
    ready,
    stopped: !active,
    url,
    user_options: record.userOptions,
    progress_url: progressUrl,
    full_url: publicUrl === undefined ? null : `${publicUrl}${url}`,
    full_progress_url: publicUrl === undefined ? null : `${publicUrl}${progressUrl}`,
    ...(includeState ? { state: buildState(job, active) } : {}),
  }
}

/** The id of a server that has no record. */
export const unusedServerId = 0

/** The default server of a user who never started one: it exists all the same. */
export function buildUnusedServer(user: { id: number; name: string }): ServerRecord {
  return {
    id: unusedServerId,
    userId: user.id,
    user: user.name,
    name: '',
    displayName: '',
    jobKey: null,
    profile: null,
    userOptions: {},
    startedAtMs: null,
    lastActivityMs: null,
    keepUntilMs: null,
    idleStopAtMs: null,
    idleReport: null,
    removeWhenStopped: false,
  }
}

function buildState(job: Job | undefined, active: boolean): Readonly<Record<string, unknown>> {
  if (job === undefined || !active) return {}
  return {
    job: job.key,
    driver: job.driver,
    state: job.state,
    ...(job.node === undefined ? {} : { node: job.node }),
  }
}

function formatTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
