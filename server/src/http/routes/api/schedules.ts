import { PlatformError } from '@atrium/contract/errors.ts'
import type { Scope } from '@atrium/contract/permissions.ts'
import {
  runDetailSchema,
  scheduleChangeSchema,
  scheduleListSchema,
  scheduleQuerySchema,
  scheduleRequestSchema,
  scheduleViewSchema,
} from '@atrium/contract/runs-api.ts'

import { defineRoute, type Route } from '#http/define-route.ts'
import { findListedOwner } from '#http/listed-owner.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { Runs } from '#parallel/runs.ts'
import type { ScheduleRecord, Schedules } from '#parallel/schedules.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import { findAskingEnvironment, getCaller } from './run-caller.ts'

export interface ScheduleRoutesOptions {
  runs: Pick<Runs, 'show'>
  schedules: Schedules
  users: Pick<Users, 'find' | 'get'>
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
}

const common = { tag: 'schedules', authentication: 'token-or-session' } as const
const ofOwner = { open: 'The handler checks the scope for the owner of the schedule.' } as const

/** Runs by the clock. */
export function createScheduleRoutes(options: ScheduleRoutesOptions): Route[] {
  return [
    listRoute(options),
    createRoute(options),
    showRoute(options),
    changeRoute(options),
    removeRoute(options),
    runRoute(options),
  ]
}

function listRoute({ schedules, users }: ScheduleRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/schedules',
    summary: 'What runs by the clock, by name.',
    access: { anyOf: ['read:jobs'], on: 'listing' },
    schemas: { query: scheduleQuerySchema, responses: { 200: scheduleListSchema } },
    async handler({ principal, query }) {
      const owner = await findListedOwner(users, principal, { user: query.user, scope: 'read:jobs' })
      if (owner === undefined) return { schedules: [] }
      return { schedules: await schedules.list(owner.userId) }
    },
  })
}

function createRoute(options: ScheduleRoutesOptions): Route {
  const { schedules, users } = options
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/api/v1/schedules',
    summary: 'Runs a command or a notebook by the clock, as who asks.',
    access: { anyOf: ['jobs'], on: 'listing' },
    schemas: { body: scheduleRequestSchema, responses: { 201: scheduleViewSchema } },
    async handler(request, reply) {
      const { principal, body } = request
      const owner = await getCaller(users, principal)
      const serverEnvironment = await findAskingEnvironment(options, principal)
      const id = await schedules.create({ owner, actor: request.actor(), serverEnvironment, request: body })
      reply.code(201)
      return schedules.show(id)
    },
  })
}

function showRoute(options: ScheduleRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/schedules/:schedule',
    summary: 'A schedule, when it runs next, and its last run.',
    access: ofOwner,
    schemas: { responses: { 200: scheduleViewSchema } },
    async handler({ principal, params }) {
      const { id } = await getSchedule(options, principal, params, ['read:jobs'])
      return options.schedules.show(id)
    },
  })
}

function changeRoute(options: ScheduleRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'PATCH',
    path: '/api/v1/schedules/:schedule',
    summary: 'Changes what is given of a schedule; `run` without `environment` keeps its variables.',
    access: ofOwner,
    schemas: { body: scheduleChangeSchema, responses: { 200: scheduleViewSchema } },
    async handler(request) {
      const schedule = await getSchedule(options, request.principal, request.params, ['jobs'])
      await options.schedules.change(schedule, request.body, request.actor())
      return options.schedules.show(schedule.id)
    },
  })
}

function removeRoute(options: ScheduleRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/api/v1/schedules/:schedule',
    summary: 'Removes a schedule. What it has started goes on.',
    access: ofOwner,
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const schedule = await getSchedule(options, request.principal, request.params, ['jobs', 'admin:jobs'])
      await options.schedules.remove(schedule, request.actor())
      return reply.code(204).send()
    },
  })
}

function runRoute(options: ScheduleRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/api/v1/schedules/:schedule/run',
    summary: 'Runs it now, besides its times, as its owner.',
    access: ofOwner,
    schemas: { responses: { 201: runDetailSchema } },
    async handler(request, reply) {
      const schedule = await getSchedule(options, request.principal, request.params, ['jobs'])
      const id = await options.schedules.runNow(schedule, request.actor())
      reply.code(201)
      return options.runs.show(id)
    },
  })
}

/** The schedule the path names. Throws `not_found` also for one whose owner no scope covers. */
async function getSchedule(
  { schedules }: ScheduleRoutesOptions,
  principal: Principal,
  params: Readonly<Record<string, string>>,
  anyOf: readonly Scope[],
): Promise<ScheduleRecord> {
  const text = params['schedule'] ?? ''
  const schedule = /^\d{1,15}$/.test(text) ? await schedules.find(Number(text)) : undefined
  const isAllowed =
    schedule !== undefined && anyOf.some((scope) => hasScope(principal, scope, { user: schedule.user }))
  if (!isAllowed) throw new PlatformError('not_found', { message: `There is no schedule ${text}.` })
  return schedule
}
