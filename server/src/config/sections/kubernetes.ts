import { type Static, Type } from 'typebox'

import {
  absolutePath,
  imageReference,
  labelMap,
  objectName,
  qualifiedName,
  shortName,
} from './kubernetes-names.ts'
import { reservedType } from './kubernetes-pods.ts'
import { nodePoolsSection } from './kubernetes-pools.ts'
import { kubernetesStorageSection } from './kubernetes-storage.ts'

const priorityClassesSection = Type.Object(
  {
    server: Type.Optional(
      objectName({ description: 'Of notebook servers, and schedulers of Dask clusters.' }),
    ),
    batch: Type.Optional(objectName({ description: 'Of everything else: runs, engines, workers.' })),
    preemptible: Type.Optional(
      objectName({
        description:
          'Of jobs that may be interrupted: below the others, which take their place when nodes are full. Default: as those.',
      }),
    ),
    placeholder: Type.Optional(
      objectName({
        description: 'Of seats kept warm: below all others, so that every job takes their place.',
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'Names of PriorityClasses. Default: none, so the default of the cluster.',
  },
)

const networkPolicySection = Type.Object(
  {
    enabled: Type.Boolean({
      description:
        "Lets nothing reach a pod but the platform and its owner's other pods, where the network plugin enforces policies: `atrium doctor` looks.",
      default: false,
    }),
    controlPlane: Type.Object(
      {
        cidrs: Type.Array(Type.String(), {
          description: 'Addresses that the platform comes from, where it runs outside of the cluster.',
          default: [],
        }),
        namespace: Type.Optional(shortName({ description: 'Namespace of its pods, where it runs inside.' })),
        podSelector: labelMap({ description: 'Labels of its pods, where it runs inside.' }),
      },
      { additionalProperties: false, default: {}, description: 'Who the platform is.' },
    ),
    egressExcept: Type.Array(Type.String(), {
      description: 'Addresses that pods cannot reach: those where clouds give out credentials.',
      default: [
        ...['169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', 'fd00:ec2::254/128'],
        // Google's by IPv6, Azure's, Alibaba's, Oracle's.
        ...['fd20:ce::254/128', '168.63.129.16/32', '100.100.100.200/32', '192.0.0.192/32'],
      ],
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'Who reaches whom. Your network plugin has to enforce it.',
  },
)

const prePullSection = Type.Object(
  {
    enabled: Type.Boolean({
      description: 'Brings images to every node before anybody waits for one.',
      default: false,
    }),
    images: Type.Array(imageReference({}), {
      description: "Which. Default: the section's `image`, and those of profiles.",
      default: [],
    }),
  },
  { additionalProperties: false, default: {}, description: 'Images pulled ahead.' },
)

/** How Atrium works with a Kubernetes cluster. */
export const kubernetesSection = Type.Object(
  {
    kubeconfig: Type.Optional(
      absolutePath({
        description: "A kubeconfig file. Default: the service account of the platform's own pod.",
      }),
    ),
    context: Type.Optional(Type.String({ description: 'Of the kubeconfig. Default: its current one.' })),
    namespace: shortName({
      description:
        "Where users' pods are, and nothing else: it holds to the `restricted` Pod Security Standard.",
      default: 'atrium-jobs',
    }),
    instance: shortName({
      description: 'A label of its objects, which tells platforms apart that share a namespace.',
      default: 'atrium',
    }),
    hubUrl: Type.Optional(
      Type.String({
        description:
          'Where pods reach the platform. Default: `edge.publicUrl`, or the address that the edge listens on.',
        pattern: '^https?://[^/]+/?$',
        examples: ['http://atrium-edge.atrium.svc:8000', 'http://10.0.0.1:8000'],
      }),
    ),
    image: Type.Optional(imageReference({ description: 'Image of jobs whose profile names none.' })),
    imagePullPolicy: Type.Optional(
      Type.Enum(['Always', 'IfNotPresent', 'Never'], {
        description: "Default: Kubernetes' own, by the image's tag.",
      }),
    ),
    imagePullSecrets: Type.Array(objectName({}), {
      description: 'Secrets of the namespace, for registries that want to know who asks.',
      default: [],
    }),
    python: absolutePath({
      description: "Python 3.9 or newer within images, which starts the job's program.",
      default: '/usr/bin/python3',
    }),
    serviceAccount: Type.Optional(
      objectName({
        description: "Of users' pods; its token is never given to them. Default: the namespace's default.",
      }),
    ),
    gpuResource: qualifiedName({ description: 'Which resource `gpu` counts.', default: 'nvidia.com/gpu' }),
    readOnlyRoot: Type.Boolean({
      description: 'Whether images themselves cannot be written to; /tmp, /var/tmp and the home can.',
      default: true,
    }),
    reserved: reservedType(true),
    nodePools: nodePoolsSection,
    priorityClasses: priorityClassesSection,
    storage: kubernetesStorageSection,
    networkPolicy: networkPolicySection,
    prePull: prePullSection,
  },
  { additionalProperties: false, default: {}, description: 'The Kubernetes cluster.' },
)

export type KubernetesConfig = Static<typeof kubernetesSection>
