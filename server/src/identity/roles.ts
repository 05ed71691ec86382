import type { Actor } from '#observe/audit.ts'

export interface RoleHolder {
  readonly kind: 'user' | 'group' | 'service'
  readonly name: string
  /** Given by the program or the configuration: cannot be taken by hand. */
  readonly managed: boolean
}

export interface Role {
  readonly id: number
  readonly name: string
  readonly description: string
  /** As written. */
  readonly scopes: readonly string[]
  /** Came from the program or the configuration. */
  readonly managed: boolean
}

export interface RoleView extends Role {
  readonly holders: readonly RoleHolder[]
}

/** The roles. Changes of a role are announced as `role NAME`, of who has it as `user NAME`, `group NAME` or `service NAME`. */
export interface Roles {
  find(name: string): Promise<Role | undefined>
  list(): Promise<readonly RoleView[]>
  /** Repeatable. Throws `not_found` for an unknown role or holder, `conflict` for one that comes from elsewhere (`admin`: by the user's flag). */
  give(role: string, holder: Omit<RoleHolder, 'managed'>, actor: Actor): Promise<void>
  take(role: string, holder: Omit<RoleHolder, 'managed'>, actor: Actor): Promise<void>
}
