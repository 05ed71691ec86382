import { Type } from 'typebox'

const nullableText = Type.Union([Type.String(), Type.Null()])
const freeObject = Type.Record(Type.String(), Type.Unknown())

/** A server in JupyterHub's REST API. */
export const serverModelSchema = Type.Object({
  name: Type.String({ description: 'Empty for the default server.' }),
  display_name: Type.String(),
  full_name: Type.String({ description: '`USER/SERVER`' }),
  last_activity: nullableText,
  started: nullableText,
  pending: Type.Union([Type.Enum(['spawn', 'stop']), Type.Null()]),
  ready: Type.Boolean(),
  stopped: Type.Boolean(),
  url: Type.String(),
  user_options: freeObject,
  progress_url: Type.String(),
  full_url: nullableText,
  full_progress_url: nullableText,
  state: Type.Optional(freeObject),
})

/** Body of a start. */
export const serverBodySchema = Type.Object(
  {
    display_name: Type.Optional(Type.String()),
    user_options: Type.Optional(Type.Union([freeObject, Type.Null()])),
  },
  { description: 'Without either key, the whole body is the user options.' },
)

/** Body of a change. */
export const serverPatchSchema = Type.Object({
  name: Type.Optional(Type.String()),
  display_name: Type.Optional(Type.String()),
  user_options: Type.Optional(freeObject),
})

/** Body of a stop. */
export const stopBodySchema = Type.Object({
  remove: Type.Optional(Type.Boolean({ description: "Remove the named server's record too." })),
})

/** A page of a list. */
export function pageSchema<Item extends Parameters<typeof Type.Array>[0]>(item: Item) {
  const size = { offset: Type.Integer(), limit: Type.Integer() }
  return Type.Object({
    items: Type.Array(item),
    _pagination: Type.Object({
      ...size,
      total: Type.Integer(),
      next: Type.Union([Type.Object({ ...size, url: Type.String() }), Type.Null()]),
    }),
  })
}

/** Query of a list. */
export const pageQuerySchema = Type.Object({
  offset: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer()),
})

const sharedServerSchema = Type.Object({
  user: Type.Object({ name: Type.String() }),
  name: Type.String(),
  url: Type.String(),
  full_url: nullableText,
  ready: Type.Boolean(),
})

const holderSchema = Type.Union([Type.Object({ name: Type.String() }), Type.Null()])

/** A share. */
export const shareSchema = Type.Object({
  server: sharedServerSchema,
  scopes: Type.Array(Type.String()),
  user: holderSchema,
  group: holderSchema,
  kind: Type.Enum(['user', 'group']),
  created_at: Type.String(),
})

/** A share code; `code` and the URLs only in the answer that made it. */
export const shareCodeSchema = Type.Object({
  server: sharedServerSchema,
  scopes: Type.Array(Type.String()),
  id: Type.String(),
  created_at: Type.String(),
  expires_at: nullableText,
  exchange_count: Type.Integer(),
  last_exchanged_at: nullableText,
  code: Type.Optional(Type.String()),
  accept_url: Type.Optional(Type.String()),
  full_accept_url: Type.Optional(nullableText),
})
