import { type Static, Type } from 'typebox'

import { byteSizeType } from '#config/units.ts'

import {
  absolutePath,
  imageReference,
  labelMap,
  labelValue,
  objectName,
  qualifiedName,
  relativePath,
  shortName,
} from './kubernetes-names.ts'

const toleration = Type.Object(
  {
    key: Type.Optional(qualifiedName({ description: "The taint's key. Default: every taint." })),
    operator: Type.Enum(['Equal', 'Exists'], { default: 'Equal' }),
    value: Type.Optional(labelValue({ description: "The taint's value, with `Equal`." })),
    effect: Type.Optional(
      Type.Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], { description: 'Default: every effect.' }),
    ),
  },
  { additionalProperties: false },
)

/** Taints of nodes that do not keep a pod away. */
export const tolerationsType = (description: string) => Type.Array(toleration, { description, default: [] })

const emptyDirType = Type.Object(
  {
    size: Type.Optional(byteSizeType({ description: 'A pod that writes more is evicted.' })),
    inMemory: Type.Boolean({ description: "Counts as the job's memory.", default: false }),
  },
  { additionalProperties: false, description: "A folder of the node's, gone with the pod." },
)

const volumeType = Type.Object(
  {
    name: shortName({ description: 'Of its own in the pod.' }),
    claim: Type.Optional(objectName({ description: 'A PersistentVolumeClaim of the namespace.' })),
    configMap: Type.Optional(objectName({ description: 'A ConfigMap of the namespace.' })),
    secret: Type.Optional(
      objectName({ description: 'A Secret of the namespace: whoever has the job reads it.' }),
    ),
    emptyDir: Type.Optional(emptyDirType),
    mountPath: absolutePath({ description: 'Where the job sees it.' }),
    subPath: Type.Optional(relativePath({ description: 'Only this part of it.' })),
    readOnly: Type.Boolean({ description: 'The job cannot write to it.', default: false }),
  },
  { additionalProperties: false },
)

/** Volumes that jobs get beside their home. Never a path of the node. */
export const volumesType = (description: string) => Type.Array(volumeType, { description, default: [] })

export type PodVolumeConfig = Static<typeof volumeType>

/** What of its limits a job's node keeps for it alone. */
export const reservedType = (defaults: boolean) => {
  const share = (of: string) =>
    Type.Optional(
      Type.Number({
        description: `Share of the limit of ${of} that is the pod's request, so kept for it alone; below 1 nodes take more jobs than they could all serve at once.`,
        exclusiveMinimum: 0,
        maximum: 1,
        ...(defaults ? { default: 1 } : {}),
      }),
    )
  return Type.Object(
    { cpu: share('cpu'), memory: share('memory') },
    { additionalProperties: false, ...(defaults ? { default: {} } : {}) },
  )
}

/** What a profile says of the pods of its jobs. */
const podOptions = Type.Object(
  {
    nodeSelector: labelMap({
      description: "Labels that nodes must have, besides those of the profile's pool.",
    }),
    tolerations: tolerationsType("Taints of nodes that do not matter, besides those of the profile's pool."),
    affinity: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "`affinity` of a pod, as Kubernetes' API has it.",
      }),
    ),
    gpuResource: Type.Optional(
      qualifiedName({
        description: 'Which resource `gpu` counts. Default: `scheduler.kubernetes.gpuResource`.',
        examples: ['nvidia.com/gpu', 'amd.com/gpu', 'nvidia.com/mig-1g.10gb'],
      }),
    ),
    runtimeClass: Type.Optional(objectName({ description: 'Name of a RuntimeClass: gVisor, Kata, nvidia.' })),
    priorityClass: Type.Optional(
      objectName({
        description: 'Name of a PriorityClass. Default: `scheduler.kubernetes.priorityClasses`.',
      }),
    ),
    sharedMemory: Type.Optional(
      byteSizeType({
        description:
          'Size of /dev/shm, which counts as memory. Default: what the container runtime gives, 64M.',
      }),
    ),
    readOnlyRoot: Type.Optional(
      Type.Boolean({
        description:
          'Whether the image itself cannot be written to; /tmp, /var/tmp and the home can. Default: `scheduler.kubernetes.readOnlyRoot`.',
      }),
    ),
    reserved: Type.Optional(reservedType(false)),
    volumes: volumesType('More volumes than `scheduler.kubernetes.storage.volumes`.'),
  },
  { additionalProperties: false, description: 'How its jobs become pods, with driver `kubernetes`.' },
)

export type PodOptionsConfig = Static<typeof podOptions>

/** Keys of profiles that only Kubernetes knows. */
export const podKeys = {
  image: Type.Optional(
    imageReference({
      description:
        'Image of its jobs; without an `environment` beside it, it brings its own Python with jupyterhub-singleuser on PATH. Default: `scheduler.kubernetes.image`.',
    }),
  ),
  nodePool: Type.Optional(
    shortName({ description: 'One of `scheduler.kubernetes.nodePools`. Default: wherever there is room.' }),
  ),
  kubernetes: Type.Optional(podOptions),
}
