import { Type } from 'typebox'

import { serverModelSchema } from './hub-schemas.ts'

const nullableText = Type.Union([Type.String(), Type.Null()])
const freeObject = Type.Record(Type.String(), Type.Unknown())
const names = Type.Array(Type.String())

const userFields = {
  kind: Type.Literal('user'),
  name: Type.String(),
  admin: Type.Optional(Type.Boolean()),
  roles: Type.Optional(names),
  groups: Type.Optional(names),
  server: Type.Optional(nullableText),
  pending: Type.Optional(Type.Union([Type.Enum(['spawn', 'stop']), Type.Null()])),
  created: Type.Optional(Type.String()),
  last_activity: Type.Optional(nullableText),
  auth_state: Type.Optional(Type.Unknown()),
  user_info: Type.Optional(Type.Null()),
  servers: Type.Optional(Type.Record(Type.String(), serverModelSchema)),
}

const serviceFields = {
  kind: Type.Literal('service'),
  name: Type.String(),
  admin: Type.Optional(Type.Boolean()),
  roles: Type.Optional(names),
  url: Type.Optional(nullableText),
  prefix: Type.Optional(Type.String()),
  command: Type.Optional(Type.Array(Type.String())),
  pid: Type.Optional(Type.Integer()),
  info: Type.Optional(freeObject),
  display: Type.Optional(Type.Boolean()),
}

/** A user; fields that the caller's scopes do not cover are absent. */
export const userModelSchema = Type.Object(userFields)

/** A service; fields that the caller's scopes do not cover are absent. */
export const serviceModelSchema = Type.Object(serviceFields)

const credentialFields = { token_id: nullableText, session_id: nullableText, scopes: names }

/** Who asks: a user or a service, and what the credential may do. */
export const currentUserSchema = Type.Union([
  Type.Object({ ...userFields, ...credentialFields }),
  Type.Object({ ...serviceFields, ...credentialFields }),
])

/** A group; fields that the caller's scopes do not cover are absent. */
export const groupModelSchema = Type.Object({
  kind: Type.Optional(Type.Literal('group')),
  name: Type.Optional(Type.String()),
  roles: Type.Optional(names),
  users: Type.Optional(names),
  properties: Type.Optional(freeObject),
})

const tokenFields = {
  user: Type.Optional(Type.String()),
  service: Type.Optional(Type.String()),
  id: Type.String(),
  kind: Type.Literal('api_token'),
  roles: names,
  scopes: names,
  created: Type.String(),
  last_activity: nullableText,
  expires_at: nullableText,
  note: Type.String(),
  session_id: nullableText,
  oauth_client: Type.String(),
}

/** A token without its secret. */
export const tokenModelSchema = Type.Object(tokenFields)

/** A new token: the only time its secret is seen. */
export const createdTokenSchema = Type.Object({ ...tokenFields, token: Type.String() })

/** Body of `POST /hub/api/users`. */
export const createUsersSchema = Type.Object({ usernames: names, admin: Type.Optional(Type.Boolean()) })

/** Body of `POST /hub/api/users/:user`. */
export const createUserSchema = Type.Object({ admin: Type.Optional(Type.Boolean()) })

/** Body of `PATCH /hub/api/users/:user`. */
export const updateUserSchema = Type.Object({
  name: Type.Optional(Type.String()),
  admin: Type.Optional(Type.Boolean()),
  auth_state: Type.Optional(freeObject),
})

/** Query of `GET /hub/api/users`. */
export const userListQuerySchema = Type.Object({
  offset: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer()),
  state: Type.Optional(Type.Enum(['active', 'ready', 'inactive'])),
  name_filter: Type.Optional(Type.String()),
  sort: Type.Optional(
    Type.String({
      description: '`id`, `name` or `last_activity`, with `-` before it for the other way round.',
    }),
  ),
  include_stopped_servers: Type.Optional(Type.String()),
})

/** Body of `POST /hub/api/groups` and `/hub/api/groups/:group`. */
export const createGroupsSchema = Type.Object({ groups: names, users: Type.Optional(names) })

/** Body that names users. */
export const usersBodySchema = Type.Object({ users: names })

/** Body of `POST /hub/api/users/:user/tokens`. */
export const createTokenSchema = Type.Object({
  note: Type.Optional(Type.String()),
  expires_in: Type.Optional(Type.Union([Type.Integer({ description: 'Seconds.' }), Type.Null()])),
  scopes: Type.Optional(Type.Union([names, Type.Null()])),
  roles: Type.Optional(Type.Union([names, Type.Null()])),
  auth: Type.Optional(Type.Object({ username: Type.String(), password: Type.String() })),
})

/** Body of `POST /hub/api/services/:service`. */
export const createServiceSchema = Type.Object({
  admin: Type.Optional(Type.Boolean()),
  url: Type.Optional(Type.String()),
  info: Type.Optional(freeObject),
  display: Type.Optional(Type.Boolean()),
  api_token: Type.Optional(Type.String()),
  oauth_client_id: Type.Optional(Type.String()),
  oauth_redirect_uri: Type.Optional(Type.String()),
  oauth_client_allowed_scopes: Type.Optional(names),
})
