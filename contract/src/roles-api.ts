import { type Static, Type } from 'typebox'

/** What a role gives, and who has it. */
export const roleViewSchema = Type.Object({
  name: Type.String(),
  description: Type.String(),
  /** Came from the program or the configuration file: its scopes and the assignments there cannot be changed here. */
  managed: Type.Boolean(),
  /** Can be given and taken here; JupyterHub's four are given otherwise (`admin` by the user's flag). */
  assignable: Type.Boolean(),
  /** As written. */
  scopes: Type.Array(Type.String()),
  /** What they come to, in words. */
  effects: Type.Array(
    Type.Object({
      scope: Type.String(),
      description: Type.String(),
      filter: Type.Optional(Type.String({ description: 'What it is limited to: `for group physics`.' })),
    }),
  ),
  holders: Type.Array(
    Type.Object({
      kind: Type.Enum(['user', 'group', 'service']),
      name: Type.String(),
      /** Given by the program or the configuration file. */
      managed: Type.Boolean(),
    }),
  ),
})

export type RoleView = Static<typeof roleViewSchema>

/** `GET /api/v1/roles`. */
export const roleListSchema = Type.Object({ roles: Type.Array(roleViewSchema) })

export type RoleList = Static<typeof roleListSchema>

/** `PUT` and `DELETE /api/v1/roles/:role/holders/:kind/:name`. */
export const roleHolderParamsSchema = Type.Object({
  role: Type.String(),
  kind: Type.Enum(['user', 'group', 'service']),
  name: Type.String(),
})

export type RoleHolderParams = Static<typeof roleHolderParamsSchema>
