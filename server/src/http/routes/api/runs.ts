import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'
import {
  type RunView,
  runDetailQuerySchema,
  runDetailSchema,
  runListSchema,
  runLogQuerySchema,
  runQuerySchema,
  runRequestSchema,
} from '@atrium/contract/runs-api.ts'
import type { Static } from 'typebox'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { acceptsEvents, readLastEventId, sendEventStream, sendTextStream } from '#http/event-stream.ts'
import { findListedOwner } from '#http/listed-owner.ts'
import { followLog } from '#hub/server-log.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { RunFilter, RunRecord, Runs } from '#parallel/runs.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import { findAskingEnvironment, getCaller } from './run-caller.ts'

export interface RunRoutesOptions {
  runs: Pick<Runs, 'create' | 'repeat' | 'find' | 'list' | 'show' | 'findJob' | 'cancel'>
  jobs: Pick<Jobs, 'logs'>
  users: Pick<Users, 'find' | 'get'>
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
}

const defaultPageSize = 100
/** With a long command line in it. */
const bodyLimitBytes = 4 * 2 ** 20

const common = { tag: 'runs', authentication: 'token-or-session' } as const
const ofOwner = { open: 'The handler checks the scope for the owner of the run.' } as const

/** Programs that people run as jobs. */
export function createRunRoutes(options: RunRoutesOptions): Route[] {
  return [
    createRoute(options),
    listRoute(options),
    showRoute(options),
    logRoute(options),
    againRoute(options),
    cancelRoute(options),
  ]
}

function createRoute(options: RunRoutesOptions): Route {
  const { runs, users } = options
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/api/v1/runs',
    summary:
      'Runs a program as one job, as several tasks of one job, or as an array of jobs; always as who asks.',
    access: { anyOf: ['jobs'], on: 'listing' },
    schemas: { body: runRequestSchema, responses: { 201: runDetailSchema } },
    bodyLimitBytes,
    async handler(request, reply) {
      const { principal, body } = request
      const owner = await getCaller(users, principal)
      const serverEnvironment = await findAskingEnvironment(options, principal)
      const id = await runs.create({ owner, actor: request.actor(), serverEnvironment, request: body })
      reply.code(201)
      return runs.show(id)
    },
  })
}

function listRoute({ runs, users }: RunRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/runs',
    summary: 'Runs, newest first.',
    access: { anyOf: ['read:jobs'], on: 'listing' },
    schemas: { query: runQuerySchema, responses: { 200: runListSchema } },
    async handler({ principal, query }): Promise<Static<typeof runListSchema>> {
      const limit = query.limit ?? defaultPageSize
      const filter = await buildFilter(users, principal, query)
      if (filter === undefined) return { runs: [] }
      const found = await runs.list({ ...filter, limit: limit + 1 })
      const page: RunView[] = found.slice(0, limit)
      const last = page.at(-1)
      return { runs: page, ...(found.length > limit && last !== undefined ? { next: last.id } : {}) }
    },
  })
}

/** Undefined: there can be none. Without a user, who may not see everybody's runs sees the own ones. */
async function buildFilter(
  users: Pick<Users, 'find'>,
  principal: Principal,
  { user, state = 'all', schedule, before }: Static<typeof runQuerySchema>,
): Promise<Omit<RunFilter, 'limit'> | undefined> {
  const owner = await findListedOwner(users, principal, { user, scope: 'read:jobs' })
  if (owner === undefined) return undefined
  return {
    ...owner,
    ...(state === 'all' ? {} : { active: state === 'active' }),
    ...(schedule === undefined ? {} : { scheduleId: schedule }),
    ...(before === undefined ? {} : { before }),
  }
}

function showRoute(options: RunRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/runs/:run',
    summary: 'A run with its jobs, those of an array page by page.',
    access: ofOwner,
    schemas: { query: runDetailQuerySchema, responses: { 200: runDetailSchema } },
    async handler({ principal, params, query }) {
      const run = await getRun(options, principal, params, ['read:jobs'])
      return options.runs.show(run.id, query)
    },
  })
}

function logRoute(options: RunRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/runs/:run/log',
    summary:
      'Output of one try of a job of a run, from a byte on: as text, or as server-sent events that can be resumed by `Last-Event-ID` for who accepts those. The header `atrium-try` says which try.',
    access: ofOwner,
    schemas: { query: runLogQuerySchema, responses: { 200: Type.String() } },
    async handler(request, reply) {
      const { principal, params, query, signal } = request
      const run = await getRun(options, principal, params, ['read:jobs'])
      const job = await options.runs.findJob(run, query.index)
      if (job === undefined)
        throw new PlatformError('not_found', { message: describeMissingJob(run, query.index) })
      const { follow = false } = query
      const attempt = query.try ?? Math.max(1, job.attempts)
      const offset = readLastEventId(request) ?? query.offset ?? 0
      const output = options.jobs.logs(job.key, { offset, follow, attempt, signal })
      const listener = {
        isStillAllowed: () => request.isStillAllowed((now) => hasScope(now, 'read:jobs', { user: run.user })),
      }
      reply.header('atrium-try', String(attempt))
      return acceptsEvents(request)
        ? sendEventStream(listener, reply, followLog(output, offset))
        : sendTextStream(listener, reply, output)
    },
  })
}

function describeMissingJob(run: RunRecord, index: number | undefined): string {
  if (run.array === null) return 'The record of its job is gone.'
  return index === undefined
    ? `Run ${run.id} is an array: say which job by its number (index).`
    : `The array of run ${run.id} has no job ${index}, or its record is gone.`
}

function againRoute(options: RunRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/api/v1/runs/:run/again',
    summary: 'Runs the same once more, with its variables, as a new run; only for its owner.',
    access: ofOwner,
    schemas: { responses: { 201: runDetailSchema } },
    async handler(request, reply) {
      const { principal, params } = request
      const run = await getRun(options, principal, params, ['read:jobs'])
      const owner = await getCaller(options.users, principal)
      if (owner.id !== run.userId) {
        throw new PlatformError('forbidden', {
          message: `Run ${run.id} is ${run.user}'s: only its owner runs it again.`,
        })
      }
      if (run.scheduleId !== null) {
        throw new PlatformError('conflict', {
          message: 'A schedule ran it, and it would write over its result: run the schedule instead.',
        })
      }
      const id = await options.runs.repeat(run, { owner, actor: request.actor() })
      reply.code(201)
      return options.runs.show(id)
    },
  })
}

function cancelRoute(options: RunRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/api/v1/runs/:run',
    summary: 'Cancels what has not ended of a run. Repeatable.',
    access: ofOwner,
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const run = await getRun(options, request.principal, request.params, ['jobs', 'admin:jobs'])
      await options.runs.cancel(run, request.actor())
      return reply.code(204).send()
    },
  })
}

/** The run the path names. Throws `not_found` also for one whose owner no scope covers. */
async function getRun(
  { runs }: RunRoutesOptions,
  principal: Principal,
  params: Readonly<Record<string, string>>,
  anyOf: readonly Scope[],
): Promise<RunRecord> {
  const text = params['run'] ?? ''
  const run = /^\d{1,15}$/.test(text) ? await runs.find(Number(text)) : undefined
  const isAllowed = run !== undefined && anyOf.some((scope) => hasScope(principal, scope, { user: run.user }))
  if (!isAllowed) throw new PlatformError('not_found', { message: `There is no run ${text}.` })
  return run
}
