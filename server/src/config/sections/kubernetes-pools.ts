import { type Static, Type } from 'typebox'

import { byteSizeType } from '#config/units.ts'

import { labelMap, shortName } from './kubernetes-names.ts'
import { tolerationsType } from './kubernetes-pods.ts'

const machineType = Type.Object(
  {
    cpu: Type.Number({ exclusiveMinimum: 0, description: 'Cores that jobs can have of one node.' }),
    memory: byteSizeType({ description: 'Memory that jobs can have of one node.' }),
    gpu: Type.Integer({ minimum: 0, description: 'GPUs of one node.', default: 0 }),
  },
  {
    additionalProperties: false,
    description:
      'One node, for what could be added while there is none: what is allocatable, not what was bought.',
  },
)

const placeholdersType = Type.Object(
  {
    count: Type.Integer({ minimum: 0, maximum: 1000, description: 'Seats.' }),
    cpu: Type.Number({ exclusiveMinimum: 0, description: 'Cores of one seat.' }),
    memory: byteSizeType({ description: 'Memory of one seat.' }),
  },
  {
    additionalProperties: false,
    description:
      'Seats kept warm: pods that do nothing, whose place the next jobs take, so that the autoscaler has brought nodes before anybody waits.',
  },
)

const poolType = Type.Object(
  {
    name: shortName({ description: 'What profiles say as `nodePool`.' }),
    provider: Type.Optional(
      Type.Enum(['gke', 'eks', 'aks', 'digitalocean', 'karpenter'], {
        description:
          "Who sets labels and taints of its nodes: they are known by the provider's own, and `nodeSelector` adds to those.",
      }),
    ),
    providerName: Type.Optional(
      Type.String({
        description: 'What the provider calls the pool. Default: `name`.',
        pattern: '^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$',
      }),
    ),
    nodeSelector: labelMap({ description: 'Labels by which its nodes are known.' }),
    tolerations: tolerationsType("Its nodes' taints that keep others' pods away."),
    nodes: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How many nodes it has, where nothing adds or removes any.' }),
    ),
    minimum: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Where an autoscaler adds and removes nodes: the fewest.' }),
    ),
    maximum: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Where an autoscaler adds and removes nodes: the most.' }),
    ),
    machine: Type.Optional(machineType),
    spot: Type.Boolean({
      description: 'Its nodes can be taken away at short notice: for jobs of `preemptible` profiles alone.',
      default: false,
    }),
    placeholders: Type.Optional(placeholdersType),
  },
  { additionalProperties: false },
)

export const nodePoolsSection = Type.Array(poolType, {
  description: 'Nodes that belong together, static or autoscaled.',
  default: [],
})

export type NodePoolConfig = Static<typeof poolType>
