import { type Static, Type } from 'typebox'

/** A machine that runs jobs, and its load. */
export const nodeViewSchema = Type.Object({
  name: Type.String(),
  pool: Type.String(),
  state: Type.Enum(['up', 'down', 'draining', 'unknown']),
  cpu: Type.Number({ description: 'Cores.' }),
  cpuUsed: Type.Number(),
  memoryBytes: Type.Number(),
  memoryUsedBytes: Type.Number(),
  gpu: Type.Number(),
  gpuUsed: Type.Number(),
  /** Jobs of ours that run there. */
  jobs: Type.Integer(),
})

export type NodeView = Static<typeof nodeViewSchema>

/** `GET /api/v1/nodes`. */
export const nodeListSchema = Type.Object({
  nodes: Type.Array(nodeViewSchema),
  pools: Type.Array(
    Type.Object({
      name: Type.String(),
      canGrowBy: Type.Integer({ description: 'Nodes that could still be added.' }),
    }),
  ),
})

export type NodeList = Static<typeof nodeListSchema>
