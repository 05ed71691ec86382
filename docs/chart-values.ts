import { configSchema } from '@atrium/server/config/schema.ts'
import { Type } from 'typebox'

/** Values of the Helm chart in `deploy/kubernetes/chart`: its own, and `atrium.yaml` under `config`. Its schema and table come from here. */

const closed = { additionalProperties: false } as const
const text = (description: string) => Type.Optional(Type.String({ description }))
/** Whatever Kubernetes takes at this place: its API server checks it. */
const passed = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description }))
const passedList = (description: string) =>
  Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()), { description }))
const strings = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.String(), { description }))
const flag = (description: string) => Type.Optional(Type.Boolean({ description }))
const count = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }))
const group = (properties: Parameters<typeof Type.Object>[0], description?: string) =>
  Type.Optional(Type.Object(properties, { ...closed, ...(description === undefined ? {} : { description }) }))

const image = (of: string) =>
  group({
    repository: text(`Of ${of}, with its registry.`),
    tag: text("Default: the chart's version."),
    digest: text('`sha256:…`, instead of the tag.'),
    pullPolicy: Type.Optional(Type.Enum(['Always', 'IfNotPresent', 'Never'])),
  })

/** Where and how the pods of a part run. */
const pods = {
  resources: passed("Requests and limits, as Kubernetes' API has them."),
  nodeSelector: strings('Labels of the nodes it may run on.'),
  tolerations: passedList('Taints of nodes that do not matter.'),
  affinity: passed('As Kubernetes has it.'),
  priorityClassName: text('An existing PriorityClass.'),
  podAnnotations: strings('More annotations of its pods.'),
  podLabels: strings('More labels of its pods.'),
  extraEnv: passedList('More variables of its container.'),
  extraVolumes: passedList('More volumes.'),
  extraVolumeMounts: passedList('Where its container sees them.'),
}

const controlPlane = group({
  replicas: count('More than one needs PostgreSQL.'),
  persistence: group(
    {
      existingClaim: text('A claim of yours instead of one that the chart makes.'),
      storageClass: text("Default: the cluster's default."),
      size: text('Of the claim.'),
    },
    'The folder of the database, with SQLite. Not used with PostgreSQL.',
  ),
  ...pods,
})

const service = group({
  type: Type.Optional(Type.Enum(['ClusterIP', 'NodePort', 'LoadBalancer'])),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Of the Service.' })),
  nodePort: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_535, description: 'Default: one that is free.' }),
  ),
  annotations: strings('Those by which clouds set up their load balancers.'),
  loadBalancerClass: text('Default: the cluster’s.'),
  loadBalancerSourceRanges: Type.Optional(
    Type.Array(Type.String(), { description: 'Who may connect. Default: everybody.' }),
  ),
  externalTrafficPolicy: Type.Optional(
    Type.Enum(['Cluster', 'Local'], { description: '`Local` keeps the addresses of those who connect.' }),
  ),
})

const edge = group({
  replicas: count('Edges; each serves everything.'),
  service,
  ingress: group({
    enabled: flag('Whether there is one.'),
    className: text("Default: the cluster's."),
    host: text('The name in the URL that people use.'),
    annotations: strings('For its controller: timeouts of an hour for websockets, no limit of uploads.'),
    tlsSecret: text('A Secret with certificate and key.'),
  }),
  gateway: group({
    enabled: flag('Whether there is an HTTPRoute of the Gateway API.'),
    host: text('The name in the URL that people use.'),
    parentRefs: passedList('Gateways it belongs to.'),
  }),
  tls: group({
    secretName: text('A Secret with `tls.crt` and `tls.key`: the edge itself speaks HTTPS.'),
  }),
  drainSeconds: Type.Optional(
    Type.Integer({ minimum: 0, description: 'How long open websockets go on in an edge that is replaced.' }),
  ),
  ...pods,
})

const csi = group(
  {
    driver: Type.String({ description: 'Its name.' }),
    volumeHandle: Type.String({ description: 'The file system, as the driver names it.' }),
    platformVolumeHandle: text(
      'The same file system once more, for drivers that want a handle of its own for each volume.',
    ),
    volumeAttributes: strings("The driver's own."),
    nodeStageSecretRef: passed('`name` and `namespace` of a Secret.'),
  },
  'A file system of a CSI driver: EFS, Filestore, Azure Files, CephFS.',
)

const storage = group(
  {
    nfs: group({
      server: Type.String({ description: 'Its address.' }),
      path: Type.String({
        description: 'What it exports; root of the nodes stays root there (`no_root_squash`).',
      }),
      mountOptions: Type.Optional(Type.Array(Type.String())),
    }),
    csi,
    hostPath: group(
      { path: Type.String({ description: 'A folder of the node.' }) },
      'Only where there is one node, or where all nodes mount the same file system there.',
    ),
    existingClaims: group(
      {
        jobs: Type.String({ description: 'In the namespace of jobs.' }),
        platform: Type.String({ description: "In the release's namespace; the same file system." }),
      },
      'Two ReadWriteMany claims on one file system.',
    ),
    size: text('What the claims say; file systems without quotas take no notice.'),
  },
  'A file system that all nodes share, for homes and folders of groups. Without one, homes are claims of their own and groups have no folder.',
)

/** As the schema of the chart's `values.yaml`; `config` is `atrium.yaml`. */
export const chartValuesSchema = Type.Object(
  {
    config: Type.Unsafe({
      ...configSchema,
      description: 'What `atrium.yaml` holds; it goes before what the chart itself says.',
    }),
    image: image('control plane, edge and keeper'),
    notebookImage: image("users' jobs"),
    imagePullSecrets: Type.Optional(
      Type.Array(Type.String(), { description: "Names of Secrets in the release's namespace." }),
    ),
    database: group(
      { existingSecret: text('A Secret that holds a URL of PostgreSQL.'), key: text('The key in it.') },
      'PostgreSQL. Default: SQLite in a volume.',
    ),
    keys: group(
      {
        existingSecret: text(
          'A Secret with `sealing.key`, `edge.key` (32 bytes each) and `keeper.token` (32 characters or more).',
        ),
      },
      'By default the chart makes them once and keeps them over upgrades.',
    ),
    controlPlane,
    edge,
    keeper: group({ replicas: count('Of the storage keeper.'), ...pods }),
    storage,
    jobs: group({
      namespace: text("Where users' pods are. Default: the release's namespace with `-jobs`."),
      createNamespace: flag('Default: yes.'),
      imagePullSecrets: Type.Optional(
        Type.Array(Type.String(), { description: 'Names of Secrets in that namespace.' }),
      ),
    }),
    rbac: group({ create: flag('Whether the chart makes role and bindings. Default: yes.') }),
    serviceAccount: group({
      create: flag('Default: yes.'),
      name: text('Default: of the release.'),
      annotations: strings('Those by which clouds give it rights.'),
    }),
    networkPolicies: group({
      enabled: flag(
        'Whether the platform’s own pods, and users’, are closed to whom they need not hear. Default: yes.',
      ),
    }),
    priorityClasses: group({
      create: flag('Default: yes.'),
      server: Type.Optional(Type.Integer()),
      batch: Type.Optional(Type.Integer()),
      preemptible: Type.Optional(Type.Integer()),
      placeholder: Type.Optional(Type.Integer()),
    }),
    podDisruptionBudgets: group({ enabled: flag('Where there is more than one replica. Default: yes.') }),
    nameOverride: text('Instead of the chart’s name.'),
    fullnameOverride: text('What all names begin with.'),
    global: Type.Optional(Type.Unknown({ description: 'Of charts around this one.' })),
  },
  { ...closed, title: 'Values of the Atrium chart' },
)
