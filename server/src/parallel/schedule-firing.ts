import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunRequest } from '@atrium/contract/runs-api.ts'

import type { User } from '#identity/users.ts'
import type { Actor } from '#observe/audit.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { parseJobEnvironment } from '#scheduler/job-environment.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import { planWish, type RunCreationOptions, type RunWish, writeRun } from './run-creation.ts'
import type { RunPlan } from './run-plan.ts'
import { isOver, readProgress } from './run-progress.ts'
import { findRuns } from './run-records.ts'
import { planNotebook } from './schedule-notebook.ts'
import type { ScheduleRecord } from './schedule-records.ts'
import { openVariables } from './schedule-request.ts'

export interface ScheduleFiringOptions extends RunCreationOptions {
  store: Store
  jobs: Jobs
  box: SealedBox
  /** Throws `conflict` when the home is somebody else's. */
  prepareOwner(user: User): Promise<PreparedOwner>
  users: { findById(id: number): Promise<User | undefined> }
  /** False for somebody who has lost the right to run programs. */
  mayRun(user: User): Promise<boolean>
}

/** A schedule's run that can be written down. */
export interface PlannedFiring {
  wish: RunWish
  plan: RunPlan
}

/** Works out a schedule's run. Throws what `Runs.create` throws: the profile may be gone since, or the quota smaller. */
export async function planFiring(
  options: ScheduleFiringOptions,
  schedule: ScheduleRecord,
  actor: Actor,
): Promise<PlannedFiring> {
  const owner = await options.users.findById(schedule.userId)
  if (owner === undefined) throw new PlatformError('gone')
  // A schedule outlives the credential that made it, but not the right.
  if (!(await options.mayRun(owner))) {
    throw new PlatformError('forbidden', { message: `${owner.name} may not run programs any more.` })
  }
  const { home } = (await options.prepareOwner(owner)).owner
  const { request, result } = buildRunRequest(options, schedule, home)
  const wish: RunWish = {
    owner,
    actor,
    serverEnvironment:
      schedule.serverPrefix === null ? undefined : parseJobEnvironment(schedule.serverPrefix),
    request,
    schedule: { id: schedule.id, result },
  }
  return { wish, plan: await planWish(options, wish) }
}

function buildRunRequest(
  { box, clock }: ScheduleFiringOptions,
  schedule: ScheduleRecord,
  home: string,
): { request: RunRequest; result: string | undefined } {
  const { name, request, times } = schedule
  const given = openVariables(box, schedule.variables)
  if (request.notebook === undefined) {
    const { command = [] } = request.run ?? {}
    return { request: { name, ...request.run, command, environment: given }, result: undefined }
  }
  const { run, result } = planNotebook({ schedule, home, number: times + 1, nowMs: clock.now() })
  const environment = { ...given, ...run.environment }
  return { request: { name, ...run, ...request.run, command: run.command, environment }, result }
}

/** The run of a schedule that still goes on, where that keeps it from running again. */
export async function findOverlap(
  { store, jobs }: Pick<ScheduleFiringOptions, 'store' | 'jobs'>,
  { lastRunId, request }: ScheduleRecord,
): Promise<number | undefined> {
  if (request.overlap === 'allow' || lastRunId === null) return undefined
  const [run] = await findRuns(store.db, [lastRunId])
  if (run === undefined) return undefined
  const progress = (await readProgress(jobs, [run])).get(run.id)
  return progress === undefined || isOver(progress) ? undefined : run.id
}

/** Writes down a schedule's run, and that it has run once more; answers the run's id. */
export async function writeFiring(
  tx: StoreTransaction,
  options: ScheduleFiringOptions,
  schedule: ScheduleRecord,
  { wish, plan }: PlannedFiring,
): Promise<number> {
  const id = await writeRun(tx, options, wish, plan)
  await tx.db
    .updateTable('schedules')
    .set(({ eb }) => ({ times: eb('times', '+', 1), last_run_id: id, last_message: null }))
    .where('id', '=', schedule.id)
    .execute()
  tx.changed('schedule', String(schedule.id))
  return id
}
