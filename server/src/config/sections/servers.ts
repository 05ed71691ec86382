import { Type } from 'typebox'

import { byteSizeType, durationType } from '#config/units.ts'

import { podKeys } from './kubernetes-pods.ts'

const idleSection = (defaults: boolean) =>
  Type.Object(
    {
      after: Type.Optional(
        durationType({
          description: 'Stop after this long without use.',
          ...(defaults ? { default: '1h' } : {}),
        }),
      ),
      warning: Type.Optional(
        durationType({
          description: 'Warn this long before the stop.',
          ...(defaults ? { default: '5m' } : {}),
        }),
      ),
      cpu: Type.Optional(
        Type.Number({
          description: 'Cores above which it counts as in use, whatever the kernels say.',
          minimum: 0,
          ...(defaults ? { default: 0.1 } : {}),
        }),
      ),
      stop: Type.Optional(
        Type.Boolean({
          description: 'Whether idle servers are stopped at all.',
          ...(defaults ? { default: true } : {}),
        }),
      ),
    },
    {
      additionalProperties: false,
      ...(defaults ? { default: {} } : {}),
      description: 'Idle stop: from kernels, terminals, websocket use and CPU, never from open tabs.',
    },
  )

/** A name of Slurm's own: what it may be made of is all that reaches a command. */
const queueName = (description: string) =>
  Type.Optional(Type.String({ description, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$' }))

/** What a profile says to a batch system. */
const queueKeys = {
  partition: queueName("Slurm's partition. Default: the cluster's default."),
  account: queueName(
    "Slurm's account that is charged. Default, or `any`: the user's own, chosen at the start where there are several.",
  ),
  qos: queueName("Slurm's quality of service."),
  constraint: Type.Optional(
    Type.String({
      description: "Features that nodes must have, in Slurm's syntax.",
      pattern: '^[A-Za-z0-9_(\\[][A-Za-z0-9_.&|*()\\[\\]-]{0,254}$',
      examples: ['skylake', 'skylake&ib', '[rack1|rack2]'],
    }),
  ),
  gpuType: queueName('Which kind of GPU, by its name in Slurm: `a100`.'),
  reservation: queueName('Runs in this reservation of Slurm.'),
  gres: Type.Optional(
    Type.String({
      description: "Generic resources on each node besides `gpu`, in Slurm's syntax.",
      pattern: '^[A-Za-z0-9_]+(:[A-Za-z0-9_.-]+){0,2}(,[A-Za-z0-9_]+(:[A-Za-z0-9_.-]+){0,2})*$',
      examples: ['nvme:1', 'bandwidth:lustre:4G'],
    }),
  ),
  exclusive: Type.Optional(Type.Boolean({ description: 'Whole nodes, shared with no other job.' })),
  nodes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description:
        'Nodes at once: the server runs on the first and reaches the others by `srun` and `mpirun`.',
    }),
  ),
  tasks: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description:
        '`cpu`, `memory` and `gpu` are given this many times over the nodes: ranks of MPI. Default: 1.',
    }),
  ),
  preemptible: Type.Optional(
    Type.Boolean({
      description: 'More important jobs may take its place; then it goes back into the queue by itself.',
    }),
  ),
}

export const profilesSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
      title: Type.Optional(Type.String({ description: 'Shown to people; default: the name.' })),
      description: Type.String({ default: '' }),
      cpu: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'Cores; fractions allowed.' })),
      memory: Type.Optional(byteSizeType({ description: 'Memory limit.' })),
      gpu: Type.Optional(Type.Integer({ minimum: 0, description: 'GPUs.' })),
      environment: Type.Optional(
        Type.String({ description: "Prefix of the Python environment; default: the platform's own." }),
      ),
      timeLimit: Type.Optional(durationType({ description: 'The server is stopped after this long.' })),
      ...queueKeys,
      ...podKeys,
      users: Type.Array(Type.String(), {
        description: 'Who may use it; with `groups` and `roles` empty too: everybody.',
        default: [],
      }),
      groups: Type.Array(Type.String(), { description: 'Groups whose members may use it.', default: [] }),
      roles: Type.Array(Type.String(), { description: 'Roles whose holders may use it.', default: [] }),
      default: Type.Boolean({ description: 'Chosen when nothing is said.', default: false }),
      idle: Type.Optional(idleSection(false)),
    },
    { additionalProperties: false },
  ),
  {
    description: 'What people choose from when they start a server. Default: one profile without limits.',
    default: [],
  },
)

export const serversSection = Type.Object(
  {
    named: Type.Integer({
      minimum: 0,
      description: 'Named servers a user may have besides the default one; 0: none.',
      default: 10,
    }),
    defaultUrl: Type.String({ description: 'Opened in a new server.', default: '/lab', pattern: '^/' }),
    command: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'argv of the server; default: jupyterhub-singleuser of the environment.',
      }),
    ),
    environment: Type.Record(Type.String(), Type.String(), {
      description: 'Variables for every server.',
      default: {},
    }),
    startTimeout: durationType({
      description: 'A started server must answer within this time; waiting in a queue does not count.',
      default: '5m',
    }),
    timeWarning: durationType({
      description:
        'Owners are warned this long before the time limit ends a server; at half of it at the earliest.',
      default: '10m',
    }),
    stopGrace: durationType({ description: 'Time to end by itself before it is killed.', default: '10s' }),
    processes: Type.Integer({
      description:
        'Processes and threads of one server at a time, where control groups are writable: a fork bomb ends there.',
      default: 4096,
      minimum: 64,
      maximum: 4_194_304,
    }),
    warmStart: Type.Boolean({
      description: 'Fork servers from a preloaded process where that is possible.',
      default: true,
    }),
    idle: idleSection(true),
  },
  { additionalProperties: false, default: {}, description: "Everybody's notebook servers." },
)

const share = () => ({
  servers: Type.Optional(Type.Integer({ minimum: 0 })),
  clusters: Type.Optional(Type.Integer({ minimum: 0, description: 'Dask clusters at a time.' })),
  workers: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Workers of Dask clusters and engines at a time.' }),
  ),
  cpu: Type.Optional(Type.Number({ minimum: 0 })),
  memory: Type.Optional(byteSizeType({ description: 'Sum of the memory limits of running jobs.' })),
  gpu: Type.Optional(Type.Integer({ minimum: 0 })),
})

export const quotasSection = Type.Object(
  {
    platform: Type.Optional(
      Type.Object(share(), { additionalProperties: false, description: 'All users together.' }),
    ),
    user: Type.Optional(
      Type.Object(share(), { additionalProperties: false, description: 'Each user, unless named below.' }),
    ),
    users: Type.Record(Type.String(), Type.Object(share(), { additionalProperties: false }), {
      default: {},
      description: 'Users with a share of their own.',
    }),
    group: Type.Optional(
      Type.Object(share(), {
        additionalProperties: false,
        description:
          'All members of each group together, unless named below. A job counts against every group of its owner.',
      }),
    ),
    groups: Type.Record(Type.String(), Type.Object(share(), { additionalProperties: false }), {
      default: {},
      description: 'Groups with a share of their own.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How much may run at once; what is beyond waits in line.',
  },
)

const hourPrices = () => ({
  coreHour: Type.Optional(Type.Number({ minimum: 0, description: 'Price of a core for an hour.' })),
  gpuHour: Type.Optional(Type.Number({ minimum: 0, description: 'Price of a GPU for an hour.' })),
  gibHour: Type.Optional(
    Type.Number({ minimum: 0, description: 'Price of a gibibyte of memory for an hour.' }),
  ),
})

export const costSection = Type.Object(
  {
    currency: Type.String({
      default: 'EUR',
      pattern: '^[A-Za-z]{1,12}$',
      description: 'Shown beside costs.',
    }),
    ...hourPrices(),
    partitions: Type.Record(Type.String(), Type.Object(hourPrices(), { additionalProperties: false }), {
      default: {},
      description: 'Partitions with prices of their own; what they leave out costs as elsewhere.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'What use costs, shown beside core hours, GPU hours and memory. All use is shown at these prices, past use too.',
  },
)
