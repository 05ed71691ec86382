import { type Static, Type } from 'typebox'

import { jobStates } from './jobs.ts'

export const jobKinds = [
  'server',
  'dask-scheduler',
  'dask-worker',
  'engine',
  'batch',
  'app',
  'environment-build',
  'backup',
] as const

/** What a job asked for; absent amounts are not limited. */
export const jobResourcesSchema = Type.Object(
  {
    cpu: Type.Optional(Type.Number({ description: 'Cores.' })),
    memoryBytes: Type.Optional(Type.Number()),
    gpu: Type.Optional(Type.Number()),
  },
  { description: 'What the job asked for; absent amounts are not limited.' },
)

/** How often a job began anew by itself, and why the last time. */
export const restartsSchema = Type.Object({
  count: Type.Integer(),
  reason: Type.String({ description: 'Short and stable: `preempted`, `node_lost`, `requeued`.' }),
  message: Type.String(),
  atMs: Type.Integer(),
})

/** A job as people see it: no environment, no command line, no secrets. */
export const jobViewSchema = Type.Object({
  key: Type.String(),
  kind: Type.Enum(jobKinds),
  state: Type.Enum(jobStates),
  /** Owner; absent for the platform's own jobs. */
  user: Type.Optional(Type.String()),
  /** The server's name when it is one's; empty for the default one. */
  server: Type.Optional(Type.String()),
  run: Type.Optional(Type.Integer({ description: 'The run that it is a job of.' })),
  group: Type.Optional(Type.String()),
  driver: Type.String(),
  node: Type.Optional(Type.String()),
  resources: jobResourcesSchema,
  usage: Type.Optional(
    Type.Object({
      memoryBytes: Type.Optional(Type.Number()),
      cpuSeconds: Type.Optional(Type.Number()),
      oomKills: Type.Optional(
        Type.Integer({ description: 'Programs that were ended because it used more memory than it may.' }),
      ),
    }),
  ),
  tasks: Type.Integer(),
  /** Short and stable. */
  reason: Type.Optional(Type.String()),
  /** The same as a sentence. */
  message: Type.Optional(Type.String()),
  exitCode: Type.Optional(Type.Integer()),
  exitSignal: Type.Optional(Type.String()),
  attempts: Type.Integer(),
  restarts: Type.Optional(restartsSchema),
  priority: Type.Integer(),
  /** Place in the queue, 1 is next. */
  place: Type.Optional(Type.Integer()),
  estimatedStartAtMs: Type.Optional(Type.Integer()),
  requestedAtMs: Type.Integer(),
  startedAtMs: Type.Optional(Type.Integer()),
  readyAtMs: Type.Optional(Type.Integer()),
  endsAtMs: Type.Optional(Type.Integer({ description: 'When the time limit ends it; while it runs.' })),
  endedAtMs: Type.Optional(Type.Integer()),
})

export type JobView = Static<typeof jobViewSchema>

/** `GET /api/v1/jobs`: newest first; those of the users that the caller's `read:jobs` covers. */
export const jobListSchema = Type.Object({
  jobs: Type.Array(jobViewSchema),
  /** Give it as `before` to read on; absent at the end. */
  next: Type.Optional(Type.String()),
})

export type JobList = Static<typeof jobListSchema>

/** Query of `GET /api/v1/jobs`. */
export const jobQuerySchema = Type.Object({
  user: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Enum(jobKinds)),
  state: Type.Optional(Type.Enum(['active', 'waiting', 'ended', 'all'], { default: 'active' })),
  before: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
})

export type JobQuery = Static<typeof jobQuerySchema>

/** `GET /api/v1/queue`: what waits, in the order in which it will run: first for quota (with a place), then for a node. */
export const queueSchema = Type.Object({
  jobs: Type.Array(jobViewSchema),
  waiting: Type.Integer({ description: 'Jobs in line, those of others too.' }),
})

export type Queue = Static<typeof queueSchema>
