import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunView, ScheduleChange, ScheduleRequest, ScheduleView } from '@atrium/contract/runs-api.ts'

import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import { formatJobEnvironment, type JobEnvironment } from '#scheduler/job-environment.ts'
import { isUniqueViolation } from '#store/database-errors.ts'
import type { StoreTransaction } from '#store/store.ts'
import { readProgress } from './run-progress.ts'
import { findRuns } from './run-records.ts'
import { buildRunView } from './run-view.ts'
import { findOverlap, planFiring, type ScheduleFiringOptions, writeFiring } from './schedule-firing.ts'
import { findSchedule, listSchedules, type ScheduleRecord } from './schedule-records.ts'
import { changeSchedule, type KeptSchedule, keepSchedule, openVariables } from './schedule-request.ts'
import { listTimes } from './schedule-times.ts'

export type { ScheduleRecord } from './schedule-records.ts'

/** A wish for runs by the clock, as their owner. */
export interface ScheduleWish {
  owner: User
  actor: Actor
  /** The Python of the server whose token asked; undefined: it was no server's. */
  serverEnvironment: JobEnvironment | undefined
  request: ScheduleRequest
}

/** Runs by the clock: a command or a notebook on a line of cron. */
export interface Schedules {
  /** Answers its id. Throws `bad_request` with what to change, `conflict` when its owner has one of this name, and what `Runs.create` throws. */
  create(wish: ScheduleWish): Promise<number>
  find(id: number): Promise<ScheduleRecord | undefined>
  /** By name; everybody's when no user is named. */
  list(userId?: number): Promise<readonly ScheduleView[]>
  /** Throws `not_found` when it is gone. */
  show(id: number): Promise<ScheduleView>
  /** Throws as `create` does. */
  change(schedule: ScheduleRecord, change: ScheduleChange, actor: Actor): Promise<void>
  /** What it has started goes on. */
  remove(schedule: ScheduleRecord, actor: Actor): Promise<void>
  /** Runs it besides its times, enabled or not; answers the run's id. Throws `conflict` while the last one goes on, where that counts. */
  runNow(schedule: ScheduleRecord, actor: Actor): Promise<number>
}

const timesShown = 5
/** Of one person: more are a program's mistake. */
const mostOfUser = 500

/** See `Schedules`. */
export function createSchedules(options: ScheduleFiringOptions): Schedules {
  const { store } = options
  return {
    create: (wish) => createSchedule(options, wish),
    find: (id) => findSchedule(store.db, id),
    list: async (userId) => buildViews(options, await listSchedules(store.db, userId)),
    async show(id) {
      const found = await findSchedule(store.db, id)
      const [view] = found === undefined ? [] : await buildViews(options, [found])
      if (view === undefined) throw new PlatformError('not_found', { message: `There is no schedule ${id}.` })
      return view
    },
    change: (schedule, change, actor) => writeChange(options, schedule, change, actor),
    async remove(schedule, actor) {
      await store.transaction(async (tx) => {
        await tx.db.deleteFrom('schedules').where('id', '=', schedule.id).execute()
        await recordChange(tx, options, { actor, action: 'schedule.delete', id: schedule.id })
      })
    },
    async runNow(schedule, actor) {
      const running = await findOverlap(options, schedule)
      if (running !== undefined) {
        throw new PlatformError('conflict', { message: `Run ${running} of this schedule has not ended.` })
      }
      const planned = await planFiring(options, schedule, actor)
      return store.transaction((tx) => writeFiring(tx, options, schedule, planned))
    },
  }
}

async function createSchedule(options: ScheduleFiringOptions, wish: ScheduleWish): Promise<number> {
  const { store, box, clock } = options
  const { owner, actor, serverEnvironment, request } = wish
  const kept = keepSchedule(box, request)
  const nowMs = clock.now()
  await checkPlan(options, wish, kept)
  return sayNameIsTaken(request.name, () =>
    store.transaction(async (tx) => {
      await checkCount(tx, owner)
      const { id } = await tx.db
        .insertInto('schedules')
        .values({
          ...{
            user_id: owner.id,
            server_prefix: keepEnvironment(serverEnvironment),
            times: 0,
            created_at: nowMs,
          },
          ...buildColumns(kept, nowMs),
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      await recordChange(tx, options, { actor, action: 'schedule.create', id, user: owner.name })
      return id
    }),
  )
}

async function writeChange(
  options: ScheduleFiringOptions,
  schedule: ScheduleRecord,
  change: ScheduleChange,
  actor: Actor,
): Promise<void> {
  const { store, box, clock } = options
  const kept = changeSchedule(box, schedule, change)
  await planFiring(options, { ...schedule, ...kept, name: kept.request.name }, actor)
  const { next_at, ...columns } = buildColumns(kept, clock.now())
  const isTimeChanged = ['cron', 'timezone', 'enabled'].some((part) => part in change)
  await sayNameIsTaken(kept.request.name, () =>
    store.transaction(async (tx) => {
      await tx.db
        .updateTable('schedules')
        .set({ ...columns, ...(isTimeChanged ? { next_at } : {}) })
        .where('id', '=', schedule.id)
        .execute()
      await recordChange(tx, options, { actor, action: 'schedule.change', id: schedule.id })
    }),
  )
}

function buildColumns({ request, variables }: KeptSchedule, nowMs: number) {
  const isEnabled = request.enabled ?? true
  const [nextMs] = listTimes(request, nowMs, 1)
  return {
    name: request.name,
    request: JSON.stringify(request),
    variables,
    enabled: Number(isEnabled),
    next_at: isEnabled ? (nextMs ?? null) : null,
  }
}

/** What could not run now would not run later. */
async function checkPlan(
  options: ScheduleFiringOptions,
  { owner, actor, serverEnvironment }: ScheduleWish,
  kept: KeptSchedule,
): Promise<void> {
  await planFiring(
    options,
    {
      ...{ id: 0, userId: owner.id, user: owner.name, name: kept.request.name, ...kept },
      serverPrefix: keepEnvironment(serverEnvironment),
      ...{ isEnabled: true, nextAtMs: null, times: 0, lastRunId: null, lastMessage: null, createdAtMs: 0 },
    },
    actor,
  )
}

function keepEnvironment(environment: JobEnvironment | undefined): string | null {
  return environment === undefined ? null : formatJobEnvironment(environment)
}

async function checkCount(tx: StoreTransaction, owner: User): Promise<void> {
  const rows = await tx.db.selectFrom('schedules').select('id').where('user_id', '=', owner.id).execute()
  if (rows.length >= mostOfUser) {
    throw new PlatformError('conflict', {
      message: `There are ${rows.length} schedules already: that is the most.`,
    })
  }
}

async function sayNameIsTaken<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new PlatformError('conflict', { message: `There is a schedule named “${name}” already.` })
  }
}

async function recordChange(
  tx: StoreTransaction,
  { clock }: ScheduleFiringOptions,
  { actor, action, id, ...detail }: { actor: Actor; action: string; id: number; user?: string },
): Promise<void> {
  await recordAudit(tx, clock, { actor, action, target: `schedule:${id}`, detail })
  tx.changed('schedule', String(id))
}

async function buildViews(
  options: ScheduleFiringOptions,
  schedules: readonly ScheduleRecord[],
): Promise<ScheduleView[]> {
  const { store, jobs, box, clock } = options
  const runs = await findRuns(
    store.db,
    schedules.flatMap(({ lastRunId }) => lastRunId ?? []),
  )
  const progress = await readProgress(jobs, runs)
  const views = new Map<number, RunView>()
  for (const run of runs) {
    const its = progress.get(run.id)
    if (its !== undefined) views.set(run.id, buildRunView(run, its))
  }
  return schedules.map((schedule) => {
    const { request, nextAtMs, lastMessage } = schedule
    const lastRun = views.get(schedule.lastRunId ?? 0)
    const upcomingMs =
      nextAtMs === null
        ? listTimes(request, clock.now(), timesShown)
        : [nextAtMs, ...listTimes(request, nextAtMs, timesShown - 1)]
    return {
      ...request,
      id: schedule.id,
      user: schedule.user,
      enabled: schedule.isEnabled,
      variables: Object.keys(openVariables(box, schedule.variables)),
      ...(nextAtMs === null ? {} : { nextAtMs }),
      upcomingMs,
      ...(lastRun === undefined ? {} : { lastRun }),
      ...(lastMessage === null ? {} : { lastMessage }),
      createdAtMs: schedule.createdAtMs,
    }
  })
}
