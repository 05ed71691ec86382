import { Type } from 'typebox'

import { durationType } from '#config/units.ts'

/** Edges that run by themselves, beside control planes and not under them; both read the same file. */
export const externalEdgeSection = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      description:
        'DNS name whose addresses are the edges, each of them one: in Kubernetes a headless service with publishNotReadyAddresses. Looked up again and again.',
    }),
    port: Type.Integer({
      minimum: 1,
      maximum: 65535,
      default: 8002,
      description: 'Where edges listen for control planes, which have to have edge.key of the folder `keys`.',
    }),
    healthPort: Type.Integer({
      minimum: 1,
      maximum: 65535,
      default: 8003,
      description:
        'Where edges answer probes: GET /healthz, and GET /readyz, which is 200 while new clients are welcome.',
    }),
    hold: durationType({
      default: '1m',
      description: 'How long requests wait for a control plane that is being started again.',
    }),
    drain: durationType({
      default: '1h',
      description:
        'An edge that is told to end lets open websockets, TLS connections to clusters and answers under way live for so long.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'Edges run by themselves (`atrium serve-edge`), on one or more machines. Absent: the control plane starts one beside it.',
  },
)

export const controlPlaneSection = Type.Object(
  {
    listen: Type.String({
      default: '0.0.0.0:8001',
      pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[0-9.]+):[0-9]{1,5}$',
      description:
        'Address and port for the edges of `edge.external`, which have to have edge.key, too; nobody else is answered. All addresses: the first one of this machine is what edges are told. `--listen` says otherwise.',
    }),
    healthPort: Type.Integer({
      minimum: 1,
      maximum: 65535,
      default: 8004,
      description: 'Where control planes answer probes, as edges do at edge.external.healthPort.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'How control planes are reached by edges of other machines; without `edge.external` they are not.',
  },
)
