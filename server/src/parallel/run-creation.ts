import type { RunRequest } from '@atrium/contract/runs-api.ts'

import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { formatJobEnvironment, type JobEnvironment } from '#scheduler/job-environment.ts'
import type { JobProfile, JobProfileWish, PreparedOwner } from '#scheduler/job-profile.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { buildRunJobs, planRun, type RunPlan, type RunSettings } from './run-plan.ts'
import { insertRun } from './run-records.ts'

/** A wish to run something, always as its owner. */
export interface RunWish {
  owner: User
  actor: Actor
  /** The environment that is meant when the request names none: that of the server that asks, or of a run that is repeated. */
  serverEnvironment: JobEnvironment | undefined
  request: RunRequest
  /** The schedule that wants it, and what it writes for people, below the home. */
  schedule?: { id: number; result: string | undefined }
}

export interface RunCreationOptions {
  store: Store
  jobs: Pick<Jobs, 'requestMany'>
  clock: Clock
  /** For what was asked for: variables may be secrets. */
  box: SealedBox
  settings: RunSettings
  /** The profile that somebody wishes for, as far as it is for them. Throws `bad_request` and `forbidden`, naming those that are. */
  chooseProfile(user: User, wish: JobProfileWish): Promise<JobProfile>
  /** Who a person's jobs run as. Throws `conflict` when the home is somebody else's. */
  prepareOwner(user: User): Promise<PreparedOwner>
}

/** Works out what somebody wishes, without writing anything down. */
export async function planWish(options: RunCreationOptions, wish: RunWish): Promise<RunPlan> {
  const { owner, request, serverEnvironment } = wish
  const { profile, account } = request
  return planRun(options.settings, {
    request,
    profile: await options.chooseProfile(owner, { profile, account }),
    prepared: await options.prepareOwner(owner),
    serverEnvironment,
  })
}

/** Writes down a run with all its jobs; answers its id. */
export async function writeRun(
  tx: StoreTransaction,
  { jobs, clock, box }: RunCreationOptions,
  { owner, actor, request, schedule }: RunWish,
  plan: RunPlan,
): Promise<number> {
  const id = await insertRun(tx, {
    user_id: owner.id,
    name: plan.name,
    kind: plan.kind,
    command: JSON.stringify(plan.command),
    request: box.seal(JSON.stringify(request)),
    tasks: plan.tasks,
    nodes: plan.nodes ?? null,
    array_spec: request.array ?? null,
    job_count: plan.numbers?.length ?? 1,
    job_key: plan.jobKey,
    profile: plan.profile.name,
    prefix: formatJobEnvironment(plan.python),
    working_directory: plan.workingDirectory,
    schedule_id: schedule?.id ?? null,
    result: schedule?.result ?? null,
    created_at: clock.now(),
  })
  await jobs.requestMany(tx, buildRunJobs(plan, { id, userId: owner.id }))
  await recordAudit(tx, clock, {
    actor,
    action: 'run.create',
    target: `run:${id}`,
    detail: { user: owner.name, name: plan.name, jobs: plan.numbers?.length ?? 1, tasks: plan.tasks },
  })
  return id
}
