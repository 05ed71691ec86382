import { type Static, Type } from 'typebox'

/** A Dask cluster's life, in the words of Dask Gateway's protocol. */
export const clusterStates = ['pending', 'running', 'stopping', 'stopped', 'failed'] as const

export type ClusterState = (typeof clusterStates)[number]

/** What may be asked of a cluster in which state: disabled buttons and refusals both follow this table. */
export const clusterCan = {
  scale: ['pending', 'running'],
  stop: ['pending', 'running'],
  /** Computing on it, and its dashboard. */
  open: ['running'],
} as const satisfies Record<string, readonly ClusterState[]>

/** True when a cluster in `state` may be asked to do `action`. */
export function canCluster(action: keyof typeof clusterCan, state: ClusterState): boolean {
  return (clusterCan[action] as readonly ClusterState[]).includes(state)
}

/** How many workers there are and may be. */
export const clusterWorkersSchema = Type.Object({
  wanted: Type.Integer({ description: 'As scaled by hand, or as adapting asks for now.' }),
  running: Type.Integer({ description: 'Connected to the scheduler.' }),
  waiting: Type.Integer({ description: 'In a queue, or starting.' }),
  limit: Type.Integer({ description: 'No scaling goes beyond it: by configuration and quotas.' }),
})

/** A cluster as people see it, without the keys to it. */
export const clusterViewSchema = Type.Object({
  name: Type.String(),
  user: Type.String(),
  state: Type.Enum(clusterStates),
  message: Type.Optional(Type.String({ description: 'Why it waits, or how it ended: a sentence.' })),
  server: Type.Optional(
    Type.String({
      description: 'The server that asked for it; empty: the default one. Absent: from elsewhere.',
    }),
  ),
  environment: Type.String({ description: 'Prefix of the Python environment of scheduler and workers.' }),
  options: Type.Record(Type.String(), Type.Unknown()),
  worker: Type.Object({
    cpu: Type.Number(),
    memoryBytes: Type.Number(),
    gpu: Type.Number(),
    preemptible: Type.Boolean(),
  }),
  workers: clusterWorkersSchema,
  adapt: Type.Optional(Type.Object({ minimum: Type.Integer(), maximum: Type.Integer() })),
  dashboardUrl: Type.Optional(Type.String({ description: 'Absolute path on the platform, while it runs.' })),
  schedulerJob: Type.String({ description: "Key of the scheduler's job, for its log." }),
  idleTimeoutMs: Type.Optional(Type.Integer({ description: 'It stops after this long without work.' })),
  clientTimeoutMs: Type.Optional(
    Type.Integer({ description: 'It stops this long after its last client has left.' }),
  ),
  createdAtMs: Type.Integer(),
  startedAtMs: Type.Optional(Type.Integer()),
  stoppedAtMs: Type.Optional(Type.Integer()),
  use: Type.Object({
    coreHours: Type.Number(),
    gpuHours: Type.Number(),
    memoryGibHours: Type.Number(),
    cost: Type.Optional(Type.Number({ description: "By the configuration's prices; absent without any." })),
  }),
})

export type ClusterView = Static<typeof clusterViewSchema>

/** `GET /api/v1/clusters`: newest first. */
export const clusterListSchema = Type.Object({
  clusters: Type.Array(clusterViewSchema),
  currency: Type.Optional(Type.String()),
})

export type ClusterList = Static<typeof clusterListSchema>

/** Query of `GET /api/v1/clusters`. */
export const clusterQuerySchema = Type.Object({
  user: Type.Optional(Type.String()),
  state: Type.Optional(Type.Enum(['active', 'ended', 'all'], { default: 'active' })),
})

/** One worker of a cluster. */
export const clusterWorkerSchema = Type.Object({
  name: Type.String(),
  job: Type.String({ description: 'Key of its job, for its log.' }),
  state: Type.Enum(['waiting', 'starting', 'running', 'closing', 'ended']),
  message: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  memoryBytes: Type.Optional(Type.Number()),
  cpuSeconds: Type.Optional(Type.Number()),
})

export type ClusterQuery = Static<typeof clusterQuerySchema>
export type ClusterWorker = Static<typeof clusterWorkerSchema>

/** `GET /api/v1/clusters/:cluster`; `DELETE` stops it. */
export const clusterDetailSchema = Type.Intersect([
  clusterViewSchema,
  Type.Object({ currency: Type.Optional(Type.String()), workerList: Type.Array(clusterWorkerSchema) }),
])

export type ClusterDetail = Static<typeof clusterDetailSchema>

/** `POST /api/v1/clusters/:cluster/scale`: a number, or bounds to adapt between. */
export const clusterScaleSchema = Type.Union([
  Type.Object({ workers: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
  Type.Object(
    { minimum: Type.Integer({ minimum: 0 }), maximum: Type.Integer({ minimum: 0 }) },
    { additionalProperties: false },
  ),
])

export type ClusterScale = Static<typeof clusterScaleSchema>
