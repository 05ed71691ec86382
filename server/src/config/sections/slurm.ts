import { Type } from 'typebox'

import { slurmCloudSection } from './slurm-cloud.ts'

const absolutePath = (description: string) => Type.String({ description, pattern: '^/' })
/** A name of Slurm's own: what it may be made of is all that reaches a command. */
const queueName = (description: string) =>
  Type.Optional(Type.String({ description, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$' }))

const mpiType = (description: string, standard: string) =>
  Type.String({ description, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$', default: standard })

const restSection = Type.Object(
  {
    url: Type.String({
      description: 'Where slurmrestd answers: an address, or a socket of this machine.',
      pattern: '^(https?://[^/]+/?|unix:/.+)$',
      examples: ['http://slurm-controller:6820', 'unix:/run/slurmrestd/slurmrestd.socket'],
    }),
    jwtKeyFile: Type.Optional(
      absolutePath(
        "The cluster's own key (`AuthAltParameters=jwt_key=`): each user's tokens are signed with it, and no helper is needed.",
      ),
    ),
    tokenFile: Type.Optional(
      absolutePath(
        "Instead: a token, read anew whenever the file changes. SlurmUser's or root's acts for everybody; with another's set `submits: false`.",
      ),
    ),
    user: queueName(
      "Who looks at the queue; where Slurm's PrivateData hides other users' jobs, one of Slurm's operators. Default: the account that the platform runs as.",
    ),
    submits: Type.Boolean({
      description: '`false`: REST only looks; jobs are submitted and ended by the helper.',
      default: true,
    }),
  },
  {
    additionalProperties: false,
    description: 'slurmrestd, if there is one; the commands are used when it does not answer.',
  },
)

const defaultsSection = Type.Object(
  {
    partition: queueName("Default: the cluster's default."),
    account: queueName("Default: the user's own default."),
    qos: queueName('Quality of service.'),
    constraint: Type.Optional(
      Type.String({
        description: "Features that nodes must have, in Slurm's syntax.",
        pattern: '^[A-Za-z0-9_(\\[][A-Za-z0-9_.&|*()\\[\\]-]{0,254}$',
      }),
    ),
    reservation: queueName('Runs in this reservation.'),
  },
  { additionalProperties: false, default: {}, description: 'For jobs whose profile does not say otherwise.' },
)

const mpiSection = Type.Object(
  {
    openmpi: mpiType('Open MPI.', 'pmix'),
    mpich: mpiType('MPICH, and all that has its ABI: Intel MPI, MVAPICH, Bodo.', 'pmi2'),
    other: queueName('For tasks that do not say which MPI they use. Default: the cluster’s.'),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How srun starts the tasks of a job, by their MPI: one of `srun --mpi=list`.',
  },
)

/** How Atrium works with a Slurm cluster. */
export const slurmSection = Type.Object(
  {
    shared: Type.Optional(
      absolutePath(
        "Folder that all nodes see under the same path, the platform's own: the launcher, the environments and what jobs print. Needed for driver `slurm`.",
      ),
    ),
    hubUrl: Type.Optional(
      Type.String({
        description:
          'Where nodes reach the platform. Default: `edge.publicUrl`, or the address that the edge listens on.',
        pattern: '^https?://[^/]+/?$',
        examples: ['http://10.0.0.1:8000'],
      }),
    ),
    certificates: Type.Optional(
      absolutePath(
        "PEM file, as nodes see it, of what signed the platform's certificate, if nodes do not know it.",
      ),
    ),
    python: Type.Optional(
      absolutePath(
        "Python 3.9 or newer that starts jobs on nodes, at the same path on each. Default: the environment's.",
      ),
    ),
    ports: Type.Optional(
      Type.Object(
        {
          first: Type.Integer({ minimum: 1024, maximum: 65_535 }),
          last: Type.Integer({ minimum: 1024, maximum: 65_535 }),
        },
        {
          additionalProperties: false,
          description:
            'Ports of nodes that servers listen on, where a firewall stands between them and this machine. Default: 12,000 ports below those that the kernel gives out, 20768-32767 as a rule.',
        },
      ),
    ),
    mungeSocket: Type.Optional(absolutePath("munge's socket, here and on nodes. Default: munge's own.")),
    commands: Type.Optional(
      absolutePath('Folder of squeue and the others, here and on nodes. Default: they are on PATH.'),
    ),
    slurmConf: Type.Optional(absolutePath("slurm.conf, if not in Slurm's own place.")),
    rest: Type.Optional(restSection),
    helper: Type.Array(Type.String(), {
      minItems: 1,
      description: 'argv of the helper that submits and cancels as the user: see docs/security.md.',
      default: ['sudo', '-n', '/usr/local/libexec/atrium-slurm-helper'],
    }),
    mpi: mpiSection,
    defaults: defaultsSection,
    cloud: slurmCloudSection,
  },
  { additionalProperties: false, default: {}, description: 'The Slurm cluster.' },
)
