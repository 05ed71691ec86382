import { type Static, Type } from 'typebox'

import { byteSizeType, durationType } from '#config/units.ts'

/** Options of clusters, in the order in which forms show them. */
const optionNames = [
  'profile',
  'worker_cores',
  'worker_memory',
  'worker_gpus',
  'worker_threads',
  'preemptible',
  'environment',
  'environment_vars',
  'idle_timeout',
  'client_timeout',
] as const

const bounds = () => ({
  workers: Type.Optional(Type.Integer({ minimum: 0, description: 'Workers of one cluster.' })),
  cores: Type.Optional(Type.Integer({ minimum: 1, description: 'Cores of one worker.' })),
  memory: Type.Optional(byteSizeType({ description: 'Memory of one worker.' })),
  gpus: Type.Optional(Type.Integer({ minimum: 0, description: 'GPUs of one worker.' })),
  idleTimeout: Type.Optional(durationType({ description: 'No cluster is kept idle for longer.' })),
  clientTimeout: Type.Optional(durationType({ description: 'No cluster outlives its clients for longer.' })),
})

const defaultsOf = (what: 'worker' | 'scheduler') => ({
  cores: Type.Integer({ minimum: 1, description: `Cores of a ${what}.`, default: 1 }),
  memory: byteSizeType({ description: `Memory of a ${what}.`, default: '2G' }),
})

/** Dask clusters: what users may choose, and how far. */
export const daskSection = Type.Object(
  {
    enabled: Type.Boolean({ description: '`false`: there are no Dask clusters.', default: true }),
    options: Type.Array(Type.Enum(optionNames), {
      description:
        'What users may choose for a cluster. What is not in the list stays as the configuration says. Default: everything that this platform can do.',
      default: [...optionNames],
    }),
    worker: Type.Object(
      {
        ...defaultsOf('worker'),
        gpus: Type.Integer({ minimum: 0, description: 'GPUs of a worker.', default: 0 }),
        threads: Type.Optional(
          Type.Integer({
            minimum: 1,
            description: 'Tasks of a worker at a time. Default: as many as cores.',
          }),
        ),
        preemptible: Type.Boolean({
          description: 'More important jobs may take the place of workers, which are replaced.',
          default: false,
        }),
      },
      {
        additionalProperties: false,
        default: {},
        description: 'A worker of which nothing else was said, by an option or by its profile.',
      },
    ),
    scheduler: Type.Object(defaultsOf('scheduler'), {
      additionalProperties: false,
      default: {},
      description: "A cluster's scheduler.",
    }),
    maximum: Type.Object(bounds(), {
      additionalProperties: false,
      default: {},
      description:
        'The most that anybody may ask for. Workers of one cluster where nothing is said: twice the cores of this machine, 8 at least; 1,000 on Slurm. What all clusters may take together is in `quotas`.',
    }),
    groups: Type.Record(Type.String(), Type.Object(bounds(), { additionalProperties: false }), {
      description: 'Groups with bounds of their own; of several that a user is in the most generous counts.',
      default: {},
    }),
    users: Type.Record(Type.String(), Type.Object(bounds(), { additionalProperties: false }), {
      description: 'Users with bounds of their own, whatever their groups have.',
      default: {},
    }),
    idleTimeout: durationType({
      description: 'A cluster without work stops after this long; `0s`: never.',
      default: '30m',
    }),
    clientTimeout: durationType({
      description: 'A cluster stops this long after its last client has left; `0s`: never.',
      default: '24h',
    }),
    environment: Type.Record(Type.String(), Type.String(), {
      description: 'Variables for schedulers and workers.',
      default: {},
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: "Dask clusters by Dask Gateway's protocol, under `/gateway`.",
  },
)

export type DaskConfig = Static<typeof daskSection>
