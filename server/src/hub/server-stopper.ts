import { hasEnded } from '@atrium/contract/jobs.ts'

import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs, StopOptions } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { ActiveServers } from './active-servers.ts'
import type { ServerEndings } from './server-endings.ts'
import { buildServerPhase } from './server-phase.ts'
import { announceServer, findLockedServer, type ServerRecord } from './server-records.ts'

/** `stopping`: wanted, and not done within the wait. */
export type StopOutcome = 'stopped' | 'stopping'

/** A wish for a server to end. */
export interface StopRequest extends StopOptions {
  server: ServerRecord
  /** The record goes as well, once it has stopped. */
  remove?: boolean
  actor: Actor
}

/** Stops servers, whatever they are in the middle of. */
export interface ServerStopper {
  /** Repeatable. Waits a little for the end, unless `waits` is false. */
  stop(request: StopRequest, options?: { waits?: boolean }): Promise<StopOutcome>
  /** Every server of a user who is to be deleted. */
  stopAll(user: Pick<User, 'id'>, actor: Actor): Promise<StopOutcome>
}

interface ServerStopperOptions {
  store: Store
  jobs: Jobs
  active: ActiveServers
  endings: ServerEndings
  clock: Clock
  /** How long a stop is waited for before the answer is `stopping`. JupyterHub's `slow_stop_timeout`. */
  waitMs: number
}

/** See `ServerStopper`. */
export function createServerStopper(options: ServerStopperOptions): ServerStopper {
  const { store, active, endings } = options
  const stop = async (request: StopRequest, { waits = true } = {}): Promise<StopOutcome> => {
    const { id } = request.server
    const key = await store.transaction((tx) => writeStop(tx, options, request))
    if (key !== undefined && !(waits && (await waitForEnd(options, key)))) return 'stopping'
    await endings.settle(id)
    return 'stopped'
  }
  return {
    stop,
    async stopAll(user, actor) {
      const servers = await active.ofUser(user.id)
      const outcomes = await Promise.all(servers.map(({ record }) => stop({ server: record, actor })))
      return outcomes.includes('stopping') ? 'stopping' : 'stopped'
    },
  }
}

/** Answers the job that has to end first. */
async function writeStop(
  tx: StoreTransaction,
  { jobs, clock }: ServerStopperOptions,
  { server, remove = false, actor, ...why }: StopRequest,
): Promise<JobKey | undefined> {
  const locked = await findLockedServer(tx, server.id)
  if (locked === undefined) return undefined
  const job = locked.jobKey === null ? undefined : await jobs.find(locked.jobKey, tx)
  const { active, pending } = buildServerPhase(job)
  if (remove) {
    await tx.db.updateTable('servers').set({ remove_when_stopped: 1 }).where('id', '=', server.id).execute()
    announceServer(tx, server.id)
  }
  if (!active || job === undefined) return undefined
  if (pending === 'stop') return job.key
  await jobs.requestStop(tx, [job.key], why)
  await recordAudit(tx, clock, {
    actor,
    action: remove ? 'server.remove' : 'server.stop',
    target: `server:${locked.user}/${locked.name}`,
    detail: { job: job.key, ...(why.reason === undefined ? {} : { reason: why.reason }) },
  })
  return job.key
}

async function waitForEnd({ jobs, waitMs }: ServerStopperOptions, key: JobKey): Promise<boolean> {
  const signal = AbortSignal.timeout(waitMs)
  try {
    await jobs.waitFor(key, ({ state }) => hasEnded(state), { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
