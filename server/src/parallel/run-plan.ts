import { posix } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunRequest } from '@atrium/contract/runs-api.ts'

import { buildClientEnvironment, type JobClient } from '#scheduler/client-environment.ts'
import type { JobOwner, JobResources, TaskMpi } from '#scheduler/job.ts'
import { findProfileEnvironment, type JobEnvironment } from '#scheduler/job-environment.ts'
import { buildJobKey } from '#scheduler/job-key.ts'
import type { JobProfile, PreparedOwner } from '#scheduler/job-profile.ts'
import type { JobRequest } from '#scheduler/job-record.ts'
import { buildLoginEnvironment } from '#scheduler/login-environment.ts'
import { pickPodPlace } from '#scheduler/pod-options.ts'

import { parseArrayNumbers } from './array-numbers.ts'
import {
  buildWorkEnvironment,
  checkCommand,
  checkVariables,
  joinPythonPath,
  ownVariables,
} from './run-environment.ts'
import { resolvePath, resolvePrefix } from './run-paths.ts'
import { planResources, planTimeLimit } from './run-resources.ts'

/** How runs are made on this platform. */
export interface RunSettings {
  /** Prefix of the platform's own Python environment. Absent: images bring one. */
  environmentPrefix?: string
  /** How jobs reach the platform from Python. */
  client: JobClient
  /** Jobs of one array, at most. */
  arrayLimit: number
}

/** What a request and those that it concerns come to. */
export interface RunPlan {
  name: string
  kind: 'batch' | 'engine'
  owner: JobOwner
  command: [string, ...string[]]
  /** Numbers of the array; undefined: one job without a number. */
  numbers: readonly number[] | undefined
  /** The job's key; of an array what stands before the number in each job's. */
  jobKey: string
  tasks: number
  /** How several tasks find each other; undefined for one. */
  mpi?: TaskMpi
  nodes?: number
  resources: JobResources
  profile: JobProfile
  python: JobEnvironment
  workingDirectory: string
  timeLimitMs?: number
  retries: number
  /** Nothing secret: what every job of its owner has. */
  environment: Readonly<Record<string, string>>
  /** What was given with the request; it wins. */
  variables: Readonly<Record<string, string>>
}

export interface RunPlanInput {
  request: RunRequest
  profile: JobProfile
  prepared: PreparedOwner
  /** The Python of the server whose token asked. */
  serverEnvironment: JobEnvironment | undefined
}

/** Command and variables stand in every job's record: together no more than this for one run, bytes. */
const mostBytes = 256 * 2 ** 20

/** Works out a run. Throws `bad_request` with what to change. */
export function planRun(settings: RunSettings, input: RunPlanInput): RunPlan {
  const { request, profile, prepared } = input
  const { owner, shell } = prepared
  const { array, kind = 'batch', tasks = 1, retries = 0 } = request
  const command = checkCommand(request.command)
  const python = planPython(settings, input)
  const numbers = array === undefined ? undefined : parseArrayNumbers(array, settings.arrayLimit)
  const resources = planResources(profile, request)
  const environment = {
    ...buildLoginEnvironment({ prefix: python.prefix, home: owner.home, login: owner.login, shell }),
    ...buildClientEnvironment(settings.client),
    ...buildWorkEnvironment(resources),
  }
  const variables = joinPythonPath(environment, checkVariables(request.environment ?? {}))
  checkSize({ command, variables }, numbers?.length ?? 1)
  if (request.nodes !== undefined && request.nodes > tasks) {
    throw new PlatformError('bad_request', { message: 'There are more nodes than tasks.' })
  }
  const timeLimitMs = planTimeLimit(profile, request)
  return {
    name: request.name ?? posix.basename(command[0]).slice(0, 200),
    kind,
    owner,
    command,
    numbers,
    jobKey: buildJobKey(kind),
    tasks,
    ...(tasks === 1 ? {} : { mpi: request.mpi ?? 'auto' }),
    ...(request.nodes === undefined ? {} : { nodes: request.nodes }),
    resources,
    profile,
    python,
    workingDirectory: resolvePath('workingDirectory', request.workingDirectory ?? '.', owner.home),
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
    retries,
    environment,
    variables,
  }
}

function planPython(
  settings: RunSettings,
  { request, profile, prepared, serverEnvironment }: RunPlanInput,
): JobEnvironment {
  const { environmentPrefix } = settings
  const usual = serverEnvironment ?? findProfileEnvironment(profile, environmentPrefix)
  if (request.prefix === undefined) return usual
  const known = [environmentPrefix, profile.environmentPrefix, serverEnvironment?.prefix]
  return { ...usual, prefix: resolvePrefix(request.prefix, prepared.owner.home, known) }
}

function checkSize(content: unknown, jobs: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(content)) * jobs
  if (bytes <= mostBytes) return
  throw new PlatformError('too_large', {
    message: `${jobs} jobs with this command and these variables are too much to keep. Put them into a file that each job reads.`,
  })
}

/** What the scheduler knows a run's jobs by. */
export function buildRunSubject(runId: number): string {
  return `run:${runId}`
}

/** The run a job is of; undefined for other jobs. */
export function parseRunSubject(subject: string): number | undefined {
  const match = /^run:(\d+)$/.exec(subject)
  return match === null ? undefined : Number(match[1])
}

/** Key of the job with this number of an array. */
export function buildArrayKey(jobKey: string, number: number): string {
  return `${jobKey}-${number}`
}

/** The number of a job in its array, by its key; undefined for a run that is none. */
export function parseArrayKey(jobKey: string, key: string): number | undefined {
  return key === jobKey ? undefined : Number(key.slice(jobKey.length + 1))
}

/** The jobs of a run. Those of an array differ in their number alone, so that a scheduler can take them as one. */
export function buildRunJobs(plan: RunPlan, { id, userId }: { id: number; userId: number }): JobRequest[] {
  const { numbers, jobKey } = plan
  if (numbers === undefined) return [buildRunJob(plan, { id, userId, key: jobKey, own: {} })]
  return numbers.map((number) =>
    buildRunJob(plan, {
      id,
      userId,
      key: buildArrayKey(jobKey, number),
      own: { [ownVariables.index]: String(number) },
    }),
  )
}

function buildRunJob(
  plan: RunPlan,
  { id, userId, key, own }: { id: number; userId: number; key: string; own: Record<string, string> },
): JobRequest {
  const { owner, profile, tasks, mpi, nodes, resources, timeLimitMs, retries } = plan
  const { queue, preemptible } = profile
  return {
    key,
    kind: plan.kind,
    userId,
    subject: buildRunSubject(id),
    spec: {
      owner,
      command: plan.command,
      environment: {
        ...plan.environment,
        [ownVariables.run]: String(id),
        [ownVariables.tasks]: String(tasks),
        ...own,
      },
      workingDirectory: plan.workingDirectory,
      resources,
      tasks,
      ...(mpi === undefined ? {} : { mpi }),
      ...(nodes === undefined ? {} : { nodes }),
      ports: [],
      ...(queue === undefined ? {} : { queue }),
      ...pickPodPlace({ ...profile, image: plan.python.image }),
      ...(preemptible ? { preemptible } : {}),
      ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
      labels: { run: String(id) },
    },
    ...(Object.keys(plan.variables).length === 0 ? {} : { secrets: plan.variables }),
    policy: {
      ...(retries === 0 ? {} : { retries }),
      ...(preemptible ? { requeue: true } : {}),
    },
  }
}
