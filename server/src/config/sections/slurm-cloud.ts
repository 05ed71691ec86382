import { type Static, Type } from 'typebox'

import { durationType } from '#config/units.ts'

const argv = (description: string) =>
  Type.Array(Type.String(), {
    minItems: 1,
    description: `${description} \`{node}\` in it is the node's name.`,
  })

const commandSection = Type.Object(
  {
    resume: argv('Program and arguments that make the machine of one node.'),
    suspend: argv('Program and arguments that remove it; nothing to remove is a success.'),
    list: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Program and arguments that print the nodes that have a machine, one a line; for `sweep`.',
      }),
    ),
    environment: Type.Record(Type.String(), Type.String(), {
      description: 'Variables for these programs. Nothing else is inherited.',
      default: {},
    }),
    timeout: durationType({ description: 'Ended after this long, and failed.', default: '4m' }),
    atOnce: Type.Integer({ minimum: 1, description: 'Nodes worked on at the same time.', default: 16 }),
  },
  { additionalProperties: false, description: 'Machines by programs of your own.' },
)

const awsSection = Type.Object(
  {
    region: Type.String({ description: 'As in `eu-central-1`.', pattern: '^[a-z0-9-]+$' }),
    endpoint: Type.Optional(
      Type.String({ description: 'Of an API that is not AWS itself.', pattern: '^https?://' }),
    ),
    market: Type.Enum(['on-demand', 'spot', 'spot-then-on-demand'], {
      description: 'What is bought; spot machines may be taken back with two minutes of notice.',
      default: 'on-demand',
    }),
    maxPrice: Type.Optional(
      Type.String({
        description: 'Dollars an hour for spot; default: up to the on-demand price.',
        pattern: '^[0-9.]+$',
      }),
    ),
    launchTemplate: Type.Optional(
      Type.String({ description: 'Name or `lt-…`: image, network, role and start script of the machines.' }),
    ),
    launchTemplateVersion: Type.String({
      description: 'A number, `$Default` or `$Latest`.',
      default: '$Default',
    }),
    image: Type.Optional(Type.String({ description: '`ami-…`, instead of that of the template.' })),
    instanceTypes: Type.Array(Type.String(), {
      description: 'Tried in this order while there is no capacity; none: that of the template.',
      default: [],
    }),
    subnets: Type.Array(Type.String(), {
      description: '`subnet-…`, tried in this order for each type; none: that of the template.',
      default: [],
    }),
    securityGroups: Type.Array(Type.String(), {
      description: '`sg-…`; none: that of the template.',
      default: [],
    }),
    instanceProfile: Type.Optional(Type.String({ description: 'Name of the instance profile.' })),
    userData: Type.Optional(
      Type.String({
        description:
          'File with the start script, `{node}` and `{cluster}` filled in. Whoever may describe the machine can read it.',
      }),
    ),
    tags: Type.Record(Type.String(), Type.String(), {
      description: 'Further tags of machines and their disks.',
      default: {},
    }),
  },
  { additionalProperties: false, description: 'Machines of Amazon EC2.' },
)

export const slurmCloudSection = Type.Object(
  {
    logFile: Type.String({
      description:
        'What was started and stopped, and what failed. Slurm keeps nothing of what its programs print.',
      default: '/var/log/slurm/atrium-machines.log',
    }),
    pools: Type.Array(
      Type.Object(
        {
          nodes: Type.String({ description: 'CLOUD nodes as in slurm.conf: `c[1-20],gpu[01-04]`.' }),
          command: Type.Optional(commandSection),
          aws: Type.Optional(awsSection),
        },
        { additionalProperties: false },
      ),
      { description: 'Which nodes are made how: each pool has `command` or `aws`.', default: [] },
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'Nodes that exist while jobs need them: `atrium slurm resume`, `suspend` and `resume-fail`.',
  },
)

export type SlurmCloudConfig = Static<typeof slurmCloudSection>
export type SlurmPoolConfig = SlurmCloudConfig['pools'][number]
export type CommandPoolConfig = Static<typeof commandSection>
export type AwsPoolConfig = Static<typeof awsSection>
