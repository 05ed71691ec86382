import { type Static, Type } from 'typebox'

/** `GET /api/v1/users/:user/home`: how much room a home has and how much of it is used. Null: not known, or not said. */
export const homeViewSchema = Type.Object({
  usedBytes: Type.Union([Type.Number(), Type.Null()]),
  sizeBytes: Type.Union([Type.Number(), Type.Null()]),
  holds: Type.Boolean({
    description: 'The storage itself lets in no more than that; otherwise it is advice.',
  }),
  /** ISO 8601. Looking takes its time: what was written since does not count yet. */
  measuredAt: Type.Union([Type.String(), Type.Null()]),
  state: Type.Enum(['unknown', 'ok', 'nearly-full', 'full'], {
    description: '`nearly-full` from nine tenths on.',
  }),
  message: Type.Optional(Type.String({ description: 'What to do, or what keeps it from its size.' })),
})

export type HomeView = Static<typeof homeViewSchema>

/** `PUT /api/v1/users/:user/home`. Null: the size that the configuration says. */
export const homeChangeSchema = Type.Object(
  { sizeBytes: Type.Union([Type.Integer({ minimum: 1_048_576 }), Type.Null()]) },
  { additionalProperties: false },
)
