import { type Static, Type } from 'typebox'

import { byteSizeType } from '#config/units.ts'

import { absolutePath, objectName, relativePath } from './kubernetes-names.ts'
import { volumesType } from './kubernetes-pods.ts'

const keeperSection = Type.Object(
  {
    url: Type.String({ description: 'Where the storage keeper answers.', pattern: '^https?://[^/]+/?$' }),
    tokenFile: Type.String({ description: 'File with the token it knows the platform by.' }),
  },
  {
    additionalProperties: false,
    description:
      'Makes folders where the platform itself does not see the storage, or is not root: the chart brings it.',
  },
)

const rootSection = Type.Object(
  {
    claim: objectName({
      description:
        'A PersistentVolumeClaim of the namespace that many nodes can write to (ReadWriteMany): homes, and folders of groups.',
    }),
    folder: Type.Optional(
      absolutePath({
        description:
          'The same storage as this process sees it, where it runs as root and may give folders away.',
      }),
    ),
    keeper: Type.Optional(keeperSection),
    keepsOwners: Type.Boolean({
      description:
        'Say so once you know that its CSI driver takes no notice of fsGroup (fsGroupPolicy None or ReadWriteOnceWithFSType): only then can pods have folders of groups beside a home with a claim of its own. Otherwise the kubelet would give all that is on this volume to one group.',
      default: false,
    }),
  },
  { additionalProperties: false, description: 'Storage that everybody has a part of.' },
)

const claimPerUserSection = Type.Object(
  {
    storageClass: Type.Optional(objectName({ description: "Default: the cluster's default." })),
    size: byteSizeType({
      description: 'Of each home. A larger one here makes homes larger at the next start.',
    }),
    fsGroup: Type.Boolean({
      description:
        "Pods ask the kubelet to give the volume to the owner's group (fsGroup), as new volumes belong to root. `false` where the storage makes them for everybody to write to.",
      default: true,
    }),
    accessModes: Type.Array(Type.Enum(['ReadWriteOnce', 'ReadWriteOncePod', 'ReadWriteMany']), {
      description: 'With `ReadWriteOnce` all jobs of a user run on one node.',
      default: ['ReadWriteOnce'],
      minItems: 1,
    }),
  },
  {
    additionalProperties: false,
    description: 'A PersistentVolumeClaim for each home. Default: folders `homes/LOGIN` of `root`.',
  },
)

const environmentsSection = Type.Object(
  {
    claim: objectName({ description: 'A PersistentVolumeClaim of the namespace. Jobs cannot write to it.' }),
    subPath: Type.Optional(relativePath({ description: 'Only this part of it.' })),
    path: absolutePath({
      description: 'Where jobs see it: `environment.prefix`, and `environment` of profiles, are below it.',
    }),
  },
  { additionalProperties: false, description: 'A volume with Python environments.' },
)

export const kubernetesStorageSection = Type.Object(
  {
    root: Type.Optional(rootSection),
    homes: Type.Object(
      { claimPerUser: Type.Optional(claimPerUserSection) },
      { additionalProperties: false, default: {} },
    ),
    environments: Type.Optional(environmentsSection),
    volumes: volumesType('More volumes, for every job.'),
  },
  { additionalProperties: false, default: {}, description: 'What pods see beside their image.' },
)

export type KubernetesStorageConfig = Static<typeof kubernetesStorageSection>
