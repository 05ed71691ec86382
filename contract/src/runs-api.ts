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
    profile: Type.Optional(
      Type.String({
        description:
          'What is not said here is as in this profile. Without one the default profile says it, but for several tasks, which get one core each and the memory that the profile has for a core.',
      }),
    ),
    account: Type.Optional(
      Type.String({ description: 'What the scheduler charges, where the profile leaves a choice.' }),
    ),
    environment: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'More variables. They are kept as secrets: nothing shows them again.',
      }),
    ),
    /** Of a server this is its own; a user's token gets the platform's. */
    prefix: Type.Optional(
      Type.String({
        description:
          'Prefix of the Python environment: of a profile, or below the home. Default: that of the server that asks, of the profile, or the platform’s.',
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
    timeLimitMs: Type.Optional(
      Type.Integer({ minimum: 1000, description: 'Of each try. Default, and the most: as in the profile.' }),
    ),
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
        description:
          'How often each job is run again after it failed, with growing pauses; not when its time was over.',
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
  try: Type.Integer({ description: 'Starts so far: 1 is the first, 0 that it was not started yet.' }),
  node: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  exitCode: Type.Optional(Type.Integer()),
  exitSignal: Type.Optional(Type.String()),
  logTail: Type.Optional(Type.String({ description: 'The last lines of output of a job that failed.' })),
  startedAtMs: Type.Optional(Type.Integer()),
  endedAtMs: Type.Optional(Type.Integer()),
})

/** Jobs of a run by what has become of them. */
export const runJobCountsSchema = Type.Object({
  total: Type.Integer(),
  waiting: Type.Integer({ description: 'In our queue or the scheduler’s, or for their next try.' }),
  running: Type.Integer({
    description: 'Starting, stopping, and those whose scheduler does not answer, too.',
  }),
  succeeded: Type.Integer(),
  failed: Type.Integer({ description: 'For good. Those that were preempted, too.' }),
  cancelled: Type.Integer(),
})

export type RunJobCounts = Static<typeof runJobCountsSchema>

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
  profile: Type.Optional(Type.String()),
  prefix: Type.String({ description: 'Of the Python environment.' }),
  workingDirectory: Type.String(),
  /**
   * The job's state. Of an array: `running` as soon as and as long as one runs, before that `queued` or `pending`; at the end `failed` if one
   * failed, else `cancelled` if one was, else `succeeded`.
   */
  state: Type.Enum(jobStates),
  /** Short and stable. */
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  /** Once all have ended: 0, or that of the first that failed; absent when it has none, because a signal ended it or it never ran. */
  exitCode: Type.Optional(Type.Integer()),
  exitSignal: Type.Optional(Type.String()),
  jobs: runJobCountsSchema,
  /** Key of the job of a run that is not an array. */
  job: Type.Optional(Type.String()),
  /** Place in the queue, 1 is next; of a run that is not an array. */
  place: Type.Optional(Type.Integer()),
  estimatedStartAtMs: Type.Optional(Type.Integer()),
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

export type RunList = Static<typeof runListSchema>

/** Query of `GET /api/v1/runs`. */
export const runQuerySchema = Type.Object({
  user: Type.Optional(Type.String()),
  state: Type.Optional(Type.Enum(['active', 'ended', 'all'], { default: 'all' })),
  schedule: Type.Optional(Type.Integer()),
  before: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
})

export type RunQuery = Static<typeof runQuerySchema>

/** Query of `GET /api/v1/runs/:run`: which of the jobs are shown. */
export const runDetailQuerySchema = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'Jobs behind this number of the array.' })),
  limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, default: 100 })),
  jobs: Type.Optional(
    Type.Enum(['all', 'waiting', 'running', 'succeeded', 'failed', 'cancelled'], {
      default: 'all',
      description: 'Only jobs of this kind, as they are counted.',
    }),
  ),
})

export type RunDetailQuery = Static<typeof runDetailQuerySchema>

/** `GET /api/v1/runs/:run`, also what `POST /api/v1/runs` and `POST /api/v1/runs/:run/again` (the same once more) answer (201). `DELETE` cancels. */
export const runDetailSchema = Type.Intersect([
  runViewSchema,
  Type.Object({
    jobList: Type.Array(runJobSchema),
    next: Type.Optional(Type.Integer({ description: 'Give it as `after` to read on; absent at the end.' })),
  }),
])

export type RunJob = Static<typeof runJobSchema>
export type RunDetail = Static<typeof runDetailSchema>

/**
 * Query of `GET /api/v1/runs/:run/log`: the output of one try of one job, as text, or as server-sent events for who accepts those. Which try
 * that is, stands in the header `atrium-try`.
 */
export const runLogQuerySchema = Type.Object({
  index: Type.Optional(Type.Integer({ minimum: 0, description: 'Number in the array.' })),
  try: Type.Optional(Type.Integer({ minimum: 1, description: 'Default: the present or last one.' })),
  offset: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes to leave out at the beginning.' })),
  follow: Type.Optional(
    Type.Boolean({ description: 'Waits for the start, and goes on until the try ends.' }),
  ),
})

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

/** `POST /api/v1/schedules`. Nothing here has a default that is filled in: `PATCH` takes any part of it. */
export const scheduleRequestSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    cron: Type.String({
      description: 'Five fields of crontab(5), or @daily and the like.',
      examples: ['0 6 * * 1-5'],
    }),
    timezone: Type.Optional(Type.String({ description: 'IANA name: `Europe/Berlin`. Without one: UTC.' })),
    enabled: Type.Optional(Type.Boolean({ description: 'Without it: true.' })),
    notebook: Type.Optional(notebookSchema),
    /** As in a run; `command` may be left out when there is a notebook. */
    run: Type.Optional(Type.Partial(runRequestSchema)),
    keep: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Results that are kept. Without it: 30.' }),
    ),
    overlap: Type.Optional(
      Type.Enum(['skip', 'allow'], { description: 'When the last one still runs. Without it: skip.' }),
    ),
  },
  { additionalProperties: false },
)

export type ScheduleRequest = Static<typeof scheduleRequestSchema>

/** What `PATCH /api/v1/schedules/:schedule` takes: each part replaces the one of its name; a `run` without `environment` keeps its variables. */
export const scheduleChangeSchema = Type.Partial(scheduleRequestSchema, { additionalProperties: false })

export type ScheduleChange = Static<typeof scheduleChangeSchema>

/** A schedule with when it runs. Of its variables only the names are shown. */
export const scheduleViewSchema = Type.Object({
  ...scheduleRequestSchema.properties,
  id: Type.Integer(),
  user: Type.String(),
  variables: Type.Optional(
    Type.Array(Type.String(), { description: 'Names of the variables that it was given.' }),
  ),
  nextAtMs: Type.Optional(Type.Integer()),
  upcomingMs: Type.Array(Type.Integer(), { description: 'The next few times.' }),
  lastRun: Type.Optional(runViewSchema),
  lastMessage: Type.Optional(
    Type.String({ description: 'Why nothing was run the last time it was due; absent when it was.' }),
  ),
  createdAtMs: Type.Integer(),
})

export type ScheduleView = Static<typeof scheduleViewSchema>

/** Query of `GET /api/v1/schedules`. */
export const scheduleQuerySchema = Type.Object({ user: Type.Optional(Type.String()) })

/** `GET /api/v1/schedules`. `GET`, `PATCH` and `DELETE` `/api/v1/schedules/:schedule`; `POST …/:schedule/run` runs it now and answers the run (201). */
export const scheduleListSchema = Type.Object({ schedules: Type.Array(scheduleViewSchema) })

export type ScheduleList = Static<typeof scheduleListSchema>
