import { type Static, Type } from 'typebox'

const amounts = {
  servers: Type.Number(),
  clusters: Type.Number({ description: 'Dask clusters.' }),
  workers: Type.Number({ description: 'Of Dask clusters, and engines.' }),
  cpu: Type.Number({ description: 'Cores.' }),
  memoryBytes: Type.Number(),
  gpu: Type.Number(),
}

/** Somebody's share: what is held now and how much may be. */
export const quotaViewSchema = Type.Object({
  subject: Type.Enum(['platform', 'user', 'group']),
  name: Type.String(),
  jobs: Type.Integer(),
  used: Type.Object(amounts),
  /** Absent amounts are not limited. */
  limits: Type.Partial(Type.Object(amounts)),
})

export type QuotaView = Static<typeof quotaViewSchema>
export type QuotaAmountName = keyof QuotaView['used']

/** `GET /api/v1/quotas` (everybody who holds something, the platform first) and `/api/v1/quotas/:user` (that user's). */
export const quotaListSchema = Type.Object({ quotas: Type.Array(quotaViewSchema) })

export type QuotaList = Static<typeof quotaListSchema>
