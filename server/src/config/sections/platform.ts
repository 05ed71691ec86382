import { Type } from 'typebox'

import { byteSizeType } from '#config/units.ts'
import { externalEdgeSection } from './external-edge.ts'
import { kubernetesSection } from './kubernetes.ts'
import { slurmSection } from './slurm.ts'

export const edgeSection = Type.Object(
  {
    host: Type.String({ description: 'Address to listen on; `0.0.0.0` for all.', default: '127.0.0.1' }),
    port: Type.Integer({ minimum: 0, maximum: 65535, description: '0: a free one.', default: 8000 }),
    publicUrl: Type.Optional(
      Type.String({
        description: 'Where browsers reach the platform, if not by host and port.',
        pattern: '^https?://[^/]+/?$',
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          certificate: Type.String({ description: 'PEM file.' }),
          key: Type.String({ description: 'PEM file.' }),
        },
        { additionalProperties: false },
      ),
    ),
    trustedProxies: Type.Array(Type.String(), {
      description: 'Addresses or CIDR ranges whose X-Forwarded-* headers are believed.',
      default: [],
    }),
    maxUpload: Type.Optional(
      byteSizeType({ description: 'Largest body of a request to a server or service. Default: any size.' }),
    ),
    external: Type.Optional(externalEdgeSection),
  },
  { additionalProperties: false, default: {}, description: 'The door: what listens for browsers.' },
)

export const storeSection = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        description: 'postgresql://…; absent: SQLite in the data folder.',
        pattern: '^postgres(ql)?://',
      }),
    ),
    urlFile: Type.Optional(
      Type.String({ description: 'File that holds the url, to keep the password out of this one.' }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'Where all state is kept.' },
)

export const environmentSection = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({ description: 'Python environment of servers; absent: made in the data folder.' }),
    ),
    requirements: Type.Optional(
      Type.String({ description: 'A pip requirements file installed on top of the default environment.' }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'The default Python environment.' },
)

export const schedulerSection = Type.Object(
  {
    driver: Type.Enum(['local', 'slurm', 'kubernetes'], {
      description: 'What runs jobs: this machine, a Slurm cluster, or a Kubernetes cluster.',
      default: 'local',
    }),
    slurm: slurmSection,
    kubernetes: kubernetesSection,
  },
  { additionalProperties: false, default: {}, description: 'Where jobs run.' },
)

export const storageSection = Type.Object(
  {
    groups: Type.Boolean({
      description:
        'Each group has a folder that its members share, `~/shared/GROUP` in their jobs: on Kubernetes with `storage.root`, and on one machine where the platform runs as root. On Slurm that is the own affair of the site.',
      default: true,
    }),
    homeSize: Type.Optional(
      byteSizeType({
        description:
          'How large a home should be; administrators can say otherwise for one user. People see how much of it they use, and are warned: nothing stops them. Default: not said.',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'Homes, and folders of groups.' },
)

export const logSection = Type.Object(
  { level: Type.Enum(['debug', 'info', 'warn', 'error'], { default: 'info' }) },
  { additionalProperties: false, default: {}, description: "The control plane's own log." },
)
