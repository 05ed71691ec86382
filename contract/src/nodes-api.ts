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
      nodes: Type.Optional(Type.Integer({ description: 'Nodes there are now.' })),
      minimum: Type.Optional(Type.Integer({ description: 'The fewest nodes that are kept.' })),
      maximum: Type.Optional(Type.Integer({ description: 'The most nodes there can be.' })),
      machine: Type.Optional(
        Type.Object(
          { cpu: Type.Number(), memoryBytes: Type.Number(), gpu: Type.Number() },
          { description: 'What jobs can have of one node.' },
        ),
      ),
      spot: Type.Optional(Type.Boolean({ description: 'Its nodes can be taken away at short notice.' })),
      seats: Type.Optional(
        Type.Object(
          { wanted: Type.Integer(), ready: Type.Integer() },
          { description: 'Seats kept warm for the next jobs.' },
        ),
      ),
    }),
  ),
  notes: Type.Array(Type.String(), {
    description: 'What the figures do not show, and what is being done about nodes.',
  }),
})

export type NodeList = Static<typeof nodeListSchema>
