import { PlatformError } from '@atrium/contract/errors.ts'
import { endedJobStates, hasEnded, type JobState, jobStates } from '@atrium/contract/jobs.ts'
import {
  type JobQuery,
  jobListSchema,
  jobQuerySchema,
  jobViewSchema,
  queueSchema,
} from '@atrium/contract/jobs-api.ts'
import type { Scope } from '@atrium/contract/permissions.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { sendTextStream } from '#http/event-stream.ts'
import { buildJobViews } from '#http/job-view.ts'
import { findListedOwner } from '#http/listed-owner.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import { recordAudit } from '#observe/audit.ts'
import { readJobNames } from '#observe/job-names.ts'
import type { Clock } from '#platform/clock.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { JobFilter, Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

export interface JobRoutesOptions {
  jobs: Pick<Jobs, 'find' | 'findMany' | 'list' | 'listPlaces' | 'logs' | 'requestStop'>
  users: Pick<Users, 'find'>
  store: Store
  clock: Clock
}

const defaultPageSize = 100
/** The queue is shown from its head; nobody reads further. */
const shownInQueue = 200

const common = { tag: 'jobs', authentication: 'token-or-session' } as const
const ofCaller = {
  open: 'Who holds read:jobs for nobody sees no job; the handler checks the owner of each.',
} as const

/** Everything that runs, waits or ran for somebody. */
export function createJobRoutes(options: JobRoutesOptions): Route[] {
  return [
    listRoute(options),
    showRoute(options),
    logRoute(options),
    cancelRoute(options),
    queueRoute(options),
  ]
}

function listRoute({ jobs, users, store }: JobRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/jobs',
    summary: 'Jobs, newest first.',
    access: { anyOf: ['read:jobs'], on: 'listing' },
    schemas: { query: jobQuerySchema, responses: { 200: jobListSchema } },
    async handler({ principal, query }) {
      const limit = query.limit ?? defaultPageSize
      const filter = await buildFilter(users, principal, query)
      if (filter === undefined) return { jobs: [] }
      const found = await jobs.list({ ...filter, limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = page.at(-1)
      return {
        jobs: await buildJobViews(store.db, page),
        ...(found.length > limit && last !== undefined ? { next: last.key } : {}),
      }
    },
  })
}

/** Undefined: there can be none. Without a user, who may not see everybody's jobs sees the own ones. */
async function buildFilter(
  users: Pick<Users, 'find'>,
  principal: Principal,
  { user, kind, state = 'active', before }: JobQuery,
): Promise<JobFilter | undefined> {
  const owner = await findListedOwner(users, principal, { user, scope: 'read:jobs' })
  if (owner === undefined) return undefined
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(before === undefined ? {} : { before }),
    ...owner,
    ...statesOf(state),
  }
}

function statesOf(state: NonNullable<JobQuery['state']>): Pick<JobFilter, 'states' | 'active'> {
  const byName: Record<typeof state, Pick<JobFilter, 'states' | 'active'>> = {
    active: { active: true },
    waiting: { states: ['queued', 'pending'] satisfies JobState[] },
    ended: { states: endedJobStates },
    all: { states: jobStates },
  }
  return byName[state]
}

function showRoute(options: JobRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/jobs/:job',
    summary: 'One job.',
    access: ofCaller,
    schemas: { responses: { 200: jobViewSchema } },
    async handler({ principal, params }) {
      const { job } = await getJob(options, principal, params, () => ['read:jobs'])
      const places = job.state === 'queued' ? await options.jobs.listPlaces() : undefined
      const [view] = await buildJobViews(options.store.db, [job], places)
      return view
    },
  })
}

const logQuerySchema = Type.Object({
  try: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Which start of it. Default: the present or last one.' }),
  ),
  offset: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes to leave out at the beginning.' })),
  follow: Type.Optional(Type.Boolean({ description: 'Goes on until the job has ended.' })),
})

function logRoute(options: JobRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/jobs/:job/log',
    summary: "A job's output.",
    access: ofCaller,
    schemas: { query: logQuerySchema, responses: { 200: Type.String() } },
    async handler(request, reply) {
      const { principal, params, query, signal } = request
      const { job, owner } = await getJob(options, principal, params, () => ['read:jobs'])
      const { offset = 0, follow = false } = query
      const attempt = query.try ?? Math.max(1, job.attempts)
      const listener = {
        isStillAllowed: () => request.isStillAllowed((now) => hasScope(now, 'read:jobs', owner)),
      }
      return sendTextStream(listener, reply, options.jobs.logs(job.key, { offset, follow, attempt, signal }))
    },
  })
}

function cancelRoute(options: JobRoutesOptions): Route {
  const { jobs, store, clock } = options
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/api/v1/jobs/:job',
    summary: 'Cancels a job; for a server this is a stop. Repeatable.',
    access: { open: 'The handler checks admin:jobs, or what the owner needs, for the owner of the job.' },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const { job } = await getJob(options, request.principal, request.params, (found) => [
        'admin:jobs',
        ownerScope(found),
      ])
      if (!hasEnded(job.state)) {
        await store.transaction(async (tx) => {
          await jobs.requestStop(tx, [job.key], {
            reason: 'cancelled',
            message: `Cancelled by ${request.principal.name}.`,
          })
          await recordAudit(tx, clock, {
            actor: request.actor(),
            action: 'job.cancel',
            target: `job:${job.key}`,
          })
        })
      }
      return reply.code(204).send()
    },
  })
}

/** What the owner of a job needs to end it: the right to run programs is none to stop notebook servers. */
function ownerScope({ kind }: Job): Scope {
  if (kind === 'server') return 'delete:servers'
  return kind === 'dask-scheduler' || kind === 'dask-worker' ? 'clusters' : 'jobs'
}

function queueRoute({ jobs, store }: JobRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/queue',
    summary: 'What waits, in the order in which it will run.',
    access: { anyOf: ['read:jobs'], on: 'listing' },
    schemas: { responses: { 200: queueSchema } },
    async handler({ principal }) {
      const places = await jobs.listPlaces()
      const inLine = await jobs.findMany([...places.keys()].slice(0, shownInQueue))
      const pending = await jobs.list({ states: ['pending'], limit: shownInQueue })
      const views = await buildJobViews(store.db, [...inLine.values(), ...pending], places)
      const visible = views.filter(({ user }) => canRead(principal, user))
      const placed = visible.filter(({ place }) => place !== undefined)
      const rest = visible.filter(({ place }) => place === undefined)
      return {
        jobs: [...placed.sort((a, b) => (a.place ?? 0) - (b.place ?? 0)), ...rest.reverse()],
        waiting: places.size,
      }
    },
  })
}

/** Jobs of the platform itself are for who may read all. */
function canRead(principal: Principal, user: string | undefined): boolean {
  return hasScope(principal, 'read:jobs', user === undefined ? undefined : { user })
}

/** The job the path names, and whose it is: undefined for the platform's own. Throws `not_found` also for one whose owner the scope does not cover. */
async function getJob(
  { jobs, store }: JobRoutesOptions,
  principal: Principal,
  params: Readonly<Record<string, string>>,
  anyOf: (job: Job) => readonly Scope[],
): Promise<{ job: Job; owner: { user: string } | undefined }> {
  const job = await jobs.find(params['job'] ?? '')
  const missing = new PlatformError('not_found', { message: `No such job: ${params['job']}` })
  if (job === undefined) throw missing
  const { user } = (await readJobNames(store.db, [job]))(job)
  const owner = user === undefined ? undefined : { user }
  if (!anyOf(job).some((scope) => hasScope(principal, scope, owner))) throw missing
  return { job, owner }
}
