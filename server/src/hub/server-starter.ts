import { PlatformError } from '@atrium/contract/errors.ts'

import type { Activity } from '#identity/activity.ts'
import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { ProfileOfferings } from './profile-offers.ts'
import type { ServerProfile } from './profiles.ts'
import type { ServerBody } from './server-body.ts'
import type { ServerCredentials } from './server-credentials.ts'
import { buildServerJob, type ServerSettings } from './server-job.ts'
import { describeServer } from './server-paths.ts'
import { buildServerPhase } from './server-phase.ts'
import {
  announceServer,
  findServer,
  lockServer,
  type ServerRecord,
  type UserOptions,
} from './server-records.ts'
import { checkNamedServer } from './server-rules.ts'

/** A person's or program's wish for a running server. */
export interface StartRequest extends ServerBody {
  owner: User
  /** Empty for the default server. */
  server: string
  actor: Actor
}

export interface StartedServer {
  job: Job
  /** False: it was on its way already. */
  isNew: boolean
}

/** Starts servers: writes down what is wanted, in one transaction; the job's reconciler does the rest. */
export interface ServerStarter {
  /**
   * Throws `bad_request` when it runs or is stopping (JupyterHub's words), `forbidden` for a profile or account that is not for its owner,
   * `quota_exceeded` when it can never fit, `conflict` when the home belongs to somebody else.
   */
  start(request: StartRequest): Promise<StartedServer>
}

export interface ServerStarterOptions {
  store: Store
  jobs: Jobs
  activity: Pick<Activity, 'noteUser'>
  /** Who the user's jobs run as. Throws `conflict` when the home belongs to somebody else. */
  prepareOwner(user: User): Promise<PreparedOwner>
  credentials: ServerCredentials
  profiles: Pick<ProfileOfferings, 'choose'>
  settings: ServerSettings
  clock: Clock
}

/** See `ServerStarter`. */
export function createServerStarter(options: ServerStarterOptions): ServerStarter {
  return {
    async start(request) {
      const { owner, server } = request
      const record = await findServer(options.store.db, { user: owner.name, server })
      const running = record?.jobKey == null ? undefined : await options.jobs.find(record.jobKey)
      const onItsWay = findStart(running, request)
      if (onItsWay !== undefined) return { job: onItsWay, isNew: false }
      const plan = await planStart(options, request, record)
      return options.store.transaction((tx) => writeStart(tx, options, request, plan))
    },
  }
}

/** Everything that is found out, or made outside of the database, before the transaction. */
interface StartPlan extends PreparedOwner {
  displayName: string
  userOptions: UserOptions
  profile: ServerProfile
  scopes: readonly string[]
}

async function planStart(
  { store, settings, profiles, prepareOwner, credentials }: ServerStarterOptions,
  { owner, server, displayName, userOptions }: StartRequest,
  record: ServerRecord | undefined,
): Promise<StartPlan> {
  const name = { userId: owner.id, user: owner.name, name: server }
  const checked =
    server === ''
      ? ''
      : await checkNamedServer(store.db, settings.namedServers, {
          ...name,
          displayName: displayName ?? record?.displayName ?? server,
          adds: true,
        })
  const chosen = userOptions ?? record?.userOptions ?? {}
  const profile = await profiles.choose(owner, {
    profile: parseName(chosen, 'profile'),
    account: parseName(chosen, 'account'),
  })
  return {
    displayName: checked,
    userOptions: chosen,
    profile,
    ...(await prepareOwner(owner)),
    scopes: await credentials.findScopes(name),
  }
}

async function writeStart(
  tx: StoreTransaction,
  { jobs, credentials, settings, activity, clock }: ServerStarterOptions,
  request: StartRequest,
  plan: StartPlan,
): Promise<StartedServer> {
  const { owner, server, actor } = request
  const nowMs = clock.now()
  const record = await lockServer(tx, {
    userId: owner.id,
    name: server,
    displayName: plan.displayName,
    nowMs,
  })
  const before = record.jobKey === null ? undefined : await jobs.find(record.jobKey, tx)
  const onItsWay = findStart(before, request)
  if (onItsWay !== undefined) return { job: onItsWay, isNew: false }
  const token = await credentials.issue(tx, record, plan.scopes)
  const { profile, shell } = plan
  const start = {
    serverId: record.id,
    userId: owner.id,
    user: record.user,
    server,
    profile,
    owner: plan.owner,
    shell,
    token,
  }
  const job = await jobs.request(tx, buildServerJob(settings, start))
  await tx.db
    .updateTable('servers')
    .set({
      job_key: job.key,
      profile: profile.name,
      user_options: JSON.stringify(plan.userOptions),
      display_name: plan.displayName,
      started_at: nowMs,
      last_activity: nowMs,
      keep_until: null,
      idle_stop_at: null,
      idle_report: null,
      remove_when_stopped: 0,
    })
    .where('id', '=', record.id)
    .execute()
  tx.afterCommit(() => activity.noteUser(owner.id, nowMs))
  await recordAudit(tx, clock, {
    actor,
    action: 'server.start',
    target: `server:${record.user}/${server}`,
    detail: { job: job.key, profile: profile.name },
  })
  announceServer(tx, record.id)
  return { job, isNew: true }
}

/** The job of a start under way; undefined when a new one may begin. Throws when it runs or is stopping. */
function findStart(job: Job | undefined, { owner, server }: StartRequest): Job | undefined {
  const { pending, ready } = buildServerPhase(job)
  const name = describeServer(owner.name, server)
  if (pending === 'stop') throw new PlatformError('bad_request', { message: `${name} is pending stop` })
  if (ready) throw new PlatformError('bad_request', { message: `${name} is already running` })
  return pending === 'spawn' ? job : undefined
}

function parseName(options: UserOptions, what: 'profile' | 'account'): string | undefined {
  const name = options[what]
  if (name === undefined || name === null || name === '') return undefined
  if (typeof name === 'string') return name
  const article = what === 'account' ? 'an' : 'a'
  throw new PlatformError('bad_request', {
    message: `user_options.${what} must be the name of ${article} ${what}`,
  })
}
