import type { Actor } from '#observe/audit.ts'

/** A group as stored. */
export interface Group {
  readonly id: number
  readonly name: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly gid: number | null
}

/** A group with who is in it. */
export interface GroupView extends Group {
  /** Names of the members. */
  readonly users: readonly string[]
  /** Names of its roles. */
  readonly roles: readonly string[]
}

/** The groups. Changes of a group or its members are announced as `group NAME`. */
export interface Groups {
  find(name: string): Promise<GroupView | undefined>
  /** In order of creation. `within`: only those of these names. `total` counts all groups, as JupyterHub does. */
  list(query: {
    readonly offset: number
    readonly limit: number
    readonly within?: readonly string[]
  }): Promise<{ groups: readonly GroupView[]; total: number }>
  /** Throws `conflict` when one exists, `bad_request` when a member does not, `invalid_name`. All or nothing. */
  create(
    groups: readonly { readonly name: string; readonly users: readonly string[] }[],
    actor: Actor,
  ): Promise<readonly GroupView[]>
  /** Throws `not_found`. */
  remove(name: string, actor: Actor): Promise<void>
  /** Repeatable. Throws `not_found`, and `bad_request` for an unknown user. */
  addMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView>
  removeMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView>
  setProperties(name: string, properties: Readonly<Record<string, unknown>>, actor: Actor): Promise<GroupView>
}
