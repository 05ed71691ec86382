import { type Static, Type } from 'typebox'

import { jobStates } from './jobs.ts'

/** How several tasks of one program find each other. `auto`: by what the environment's mpi4py, Bodo or mpiexec is made of. */
export const mpiKinds = ['auto', 'openmpi', 'mpich', 'none'] as const

/** What to run: one program, several tasks of it that talk by MPI, or an array of independent ones. */
export const runRequestSchema = Type.Object(
  {
    command: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 10_000,
      description: 'argv; never a shell string.',
    }),
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'For people. Default: the program.' }),
    ),
    tasks: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1, description: 'Ranks; MPI if more than 1.' }),
    ),
    nodes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'Spread over this many nodes.' }),
    ),
    cpu: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'Cores of each task.' })),
    memoryBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'Of each task.' })),
    gpu: Type.Optional(Type.Integer({ minimum: 0, description: 'GPUs of each task.' })),
    profile: Type.Optional(Type.String({ description: 'What is not said here is as in this profile.' })),
    account: Type.Optional(Type.String()),
    environment: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'More variables.' })),
    /** Of a server this is its own; a user's token gets the platform's. */
    prefix: Type.Optional(
      Type.String({
        description:
          'Prefix of the Python environment. Default: that of the server that asks, or the platform’s.',
      }),
    ),
    workingDirectory: Type.Optional(
      Type.String({ description: 'Absolute, or below the home. Default: the home.' }),
    ),
    array: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,7}(-[0-9]{1,7}(:[0-9]{1,7})?)?(,[0-9]{1,7}(-[0-9]{1,7}(:[0-9]{1,7})?)?)*$',
        maxLength: 1000,
        description:
          'One job for each number, as Slurm writes it: `1-100`, `0,2,4-10:2`. It is in ATRIUM_ARRAY_INDEX.',
        examples: ['1-100'],
      }),
    ),
    timeLimitMs: Type.Optional(Type.Integer({ minimum: 1000 })),
    mpi: Type.Optional(Type.Enum(mpiKinds, { default: 'auto' })),
    kind: Type.Optional(
      Type.Enum(['batch', 'engine'], {
        default: 'batch',
        description: '`engine`: counts as a worker in quotas.',
      }),
    ),
    retries: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'How often each job is run again after it failed.',
      }),
    ),
  },
  { additionalProperties: false },
)

export type RunRequest = Static<typeof runRequestSchema>

/** One job of a run. */
export const runJobSchema = Type.Object({
  index: Type.Optional(Type.Integer({ description: 'Its number in the array.' })),
  job: Type.String({ description: 'Key, for `/api/v1/jobs/:job` and its log.' }),
  state: Type.Enum(jobStates),
  try: Type.Integer({ description: '1 is the first.' }),
  node: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  exitCode: Type.Optional(Type.Integer()),
  exitSignal: Type.Optional(Type.String()),
  startedAtMs: Type.Optional(Type.Integer()),
  endedAtMs: Type.Optional(Type.Integer()),
})

/** A run as people see it. Its variables are not shown. */
export const runViewSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  user: Type.String(),
  kind: Type.Enum(['batch', 'engine']),
  command: Type.Array(Type.String()),
  tasks: Type.Integer(),
  nodes: Type.Optional(Type.Integer()),
  array: Type.Optional(Type.String()),
  /** The jobs' states in one: what is furthest from the end while any is active; `failed` when any failed for good. */
  state: Type.Enum(jobStates),
  message: Type.Optional(Type.String()),
  /** Once all have ended: 0, or the first that is not. */
  exitCode: Type.Optional(Type.Integer()),
  jobs: Type.Object({
    total: Type.Integer(),
    waiting: Type.Integer(),
    running: Type.Integer(),
    succeeded: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
  }),
  /** The job of a run that is not an array: the present try. */
  job: Type.Optional(Type.String()),
  schedule: Type.Optional(Type.Integer({ description: 'The schedule that started it.' })),
  result: Type.Optional(
    Type.String({ description: 'Path of the notebook that was written, below the home.' }),
  ),
  createdAtMs: Type.Integer(),
  startedAtMs: Type.Optional(Type.Integer()),
  endedAtMs: Type.Optional(Type.Integer()),
})

export type RunView = Static<typeof runViewSchema>

/** `GET /api/v1/runs`: newest first. */
export const runListSchema = Type.Object({
  runs: Type.Array(runViewSchema),
  next: Type.Optional(Type.Integer({ description: 'Give it as `before` to read on; absent at the end.' })),
})

/** Query of `GET /api/v1/runs`. */
export const runQuerySchema = Type.Object({
  user: Type.Optional(Type.String()),
  state: Type.Optional(Type.Enum(['active', 'ended', 'all'], { default: 'all' })),
  schedule: Type.Optional(Type.Integer()),
  before: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
})

/** `GET /api/v1/runs/:run`, also what `POST /api/v1/runs` answers (201). `DELETE` cancels. `/log?follow` is the output of a run that is not an array. */
export const runDetailSchema = Type.Intersect([
  runViewSchema,
  Type.Object({ jobList: Type.Array(runJobSchema) }),
])

export type RunDetail = Static<typeof runDetailSchema>

/** A notebook that papermill runs, instead of a command. */
export const notebookSchema = Type.Object(
  {
    path: Type.String({ description: 'Absolute, or below the home.' }),
    parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    output: Type.Optional(
      Type.String({ description: 'Folder of results. Default: `runs/NAME` in the home.' }),
    ),
  },
  { additionalProperties: false },
)

/** `POST /api/v1/schedules`; `PATCH` takes any part of it. */
export const scheduleRequestSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    cron: Type.String({
      description: 'Five fields of crontab(5), or @daily and the like.',
      examples: ['0 6 * * 1-5'],
    }),
    timezone: Type.Optional(Type.String({ default: 'UTC', description: 'IANA name: `Europe/Berlin`.' })),
    enabled: Type.Optional(Type.Boolean({ default: true })),
    notebook: Type.Optional(notebookSchema),
    /** As in a run; `command` may be left out when there is a notebook. */
    run: Type.Optional(Type.Partial(runRequestSchema)),
    keep: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 30, description: 'Results that are kept.' }),
    ),
    overlap: Type.Optional(
      Type.Enum(['skip', 'allow'], { default: 'skip', description: 'When the last one still runs.' }),
    ),
  },
  { additionalProperties: false },
)

export type ScheduleRequest = Static<typeof scheduleRequestSchema>

/** A schedule with when it runs. */
export const scheduleViewSchema = Type.Intersect([
  scheduleRequestSchema,
  Type.Object({
    id: Type.Integer(),
    user: Type.String(),
    nextAtMs: Type.Optional(Type.Integer()),
    upcomingMs: Type.Array(Type.Integer(), { description: 'The next few times.' }),
    lastRun: Type.Optional(runViewSchema),
    createdAtMs: Type.Integer(),
  }),
])

export type ScheduleView = Static<typeof scheduleViewSchema>

/** `GET /api/v1/schedules`. `GET`, `PATCH` and `DELETE` `/api/v1/schedules/:schedule`; `POST …/:schedule/run` runs it now. */
export const scheduleListSchema = Type.Object({ schedules: Type.Array(scheduleViewSchema) })
