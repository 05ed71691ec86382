import { PlatformError } from '@atrium/contract/errors.ts'
import { defaultRoles } from '@atrium/contract/permissions.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'
import type { RolesTable } from '#store/tables.ts'
import { parseScopeList } from './owner-scopes.ts'

/** Who has a role. */
export interface RoleHolder {
  readonly kind: 'user' | 'group' | 'service'
  readonly name: string
  /** Given by the program or the configuration: cannot be taken by hand. */
  readonly managed: boolean
}

/** A role as stored. */
export interface Role {
  readonly id: number
  readonly name: string
  readonly description: string
  /** As written. */
  readonly scopes: readonly string[]
  /** Came from the program or the configuration. */
  readonly managed: boolean
}

/** A role with who has it. The role `user`, which everybody has, and `admin`, which administrators have by their flag, name only others. */
export interface RoleView extends Role {
  readonly holders: readonly RoleHolder[]
}

/** The roles. Changes of a role are announced as `role NAME`, of who has it as `user NAME`, `group NAME` or `service NAME`. */
export interface Roles {
  find(name: string): Promise<Role | undefined>
  /** In order of creation, JupyterHub's four first. */
  list(): Promise<readonly RoleView[]>
  /**
   * Repeatable. Throws `not_found` for an unknown role or holder, and `conflict` for roles that are given otherwise: `admin` by the user's flag,
   * `user`, `server` and `token` by the platform.
   */
  give(role: string, holder: Omit<RoleHolder, 'managed'>, actor: Actor): Promise<void>
  /** Repeatable. Throws what `give` throws, and `conflict` when the configuration gives the role. */
  take(role: string, holder: Omit<RoleHolder, 'managed'>, actor: Actor): Promise<void>
}

/** See `Roles`. */
export function createRoles({ store, clock }: { readonly store: Store; readonly clock: Clock }): Roles {
  return {
    async find(name) {
      const row = await store.db.selectFrom('roles').selectAll().where('name', '=', name).executeTakeFirst()
      return row && parseRole(row)
    },

    async list() {
      const rows = await store.db.selectFrom('roles').selectAll().orderBy('id').execute()
      const holders = Map.groupBy(await selectHolders(store.db), ({ role_id }) => role_id)
      return rows.map((row) => ({ ...parseRole(row), holders: (holders.get(row.id) ?? []).map(parseHolder) }))
    },

    async give(role, holder, actor) {
      await store.transaction(async (tx) => {
        const assignment = await findAssignment(tx, role, holder)
        await tx.db
          .insertInto('role_assignments')
          .values({ ...assignment, managed: 0 })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        tx.changed(holder.kind, holder.name)
        await recordAudit(tx, clock, {
          actor,
          action: 'role.give',
          target: nameHolder(holder),
          detail: { role },
        })
      })
    },

    async take(role, holder, actor) {
      await store.transaction(async (tx) => {
        const { role_id, ...subject } = await findAssignment(tx, role, holder)
        const [column, id] = subjectOf(subject)
        const ours = tx.db
          .selectFrom('role_assignments')
          .where('role_id', '=', role_id)
          .where(column, '=', id)
        const known = await ours.select(['id', 'managed']).executeTakeFirst()
        if (known === undefined) return
        if (known.managed === 1) {
          throw new PlatformError('conflict', {
            message: `The configuration gives ${holder.name} the role ${role}.`,
          })
        }
        await tx.db.deleteFrom('role_assignments').where('id', '=', known.id).execute()
        tx.changed(holder.kind, holder.name)
        await recordAudit(tx, clock, {
          actor,
          action: 'role.take',
          target: nameHolder(holder),
          detail: { role },
        })
      })
    },
  }
}

type HolderKind = RoleHolder['kind']
type Subject = { user_id: number | null; group_id: number | null; service_id: number | null }

/** The row that says that the holder has the role. */
async function findAssignment(
  tx: StoreTransaction,
  role: string,
  { kind, name }: { readonly kind: HolderKind; readonly name: string },
): Promise<Subject & { role_id: number }> {
  const row = await tx.db.selectFrom('roles').select('id').where('name', '=', role).executeTakeFirst()
  if (row === undefined) throw new PlatformError('not_found', { message: `No such role: ${role}` })
  if (defaultRoles.some((known) => known.name === role)) {
    const message =
      role === 'admin'
        ? 'Make the user an administrator instead.'
        : `The platform itself gives the role ${role}.`
    throw new PlatformError('conflict', { message })
  }
  const table = ({ user: 'users', group: 'groups', service: 'services' } as const)[kind]
  const holder = await tx.db.selectFrom(table).select('id').where('name', '=', name).executeTakeFirst()
  if (holder === undefined) throw new PlatformError('not_found', { message: `No such ${kind}: ${name}` })
  return { role_id: row.id, user_id: null, group_id: null, service_id: null, [`${kind}_id`]: holder.id }
}

function subjectOf({
  user_id,
  group_id,
  service_id,
}: Subject): ['user_id' | 'group_id' | 'service_id', number] {
  if (user_id !== null) return ['user_id', user_id]
  if (group_id !== null) return ['group_id', group_id]
  return ['service_id', service_id ?? 0]
}

function selectHolders(db: ReadableDatabase) {
  return db
    .selectFrom('role_assignments')
    .leftJoin('users', 'users.id', 'role_assignments.user_id')
    .leftJoin('groups', 'groups.id', 'role_assignments.group_id')
    .leftJoin('services', 'services.id', 'role_assignments.service_id')
    .select(['role_id', 'role_assignments.managed'])
    .select(['users.name as user', 'groups.name as group', 'services.name as service'])
    .orderBy('role_assignments.id')
    .execute()
}

function parseHolder(row: Awaited<ReturnType<typeof selectHolders>>[number]): RoleHolder {
  const managed = row.managed === 1
  if (row.user !== null) return { kind: 'user', name: row.user, managed }
  if (row.group !== null) return { kind: 'group', name: row.group, managed }
  return { kind: 'service', name: row.service ?? '', managed }
}

function parseRole(row: Selectable<RolesTable>): Role {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    scopes: parseScopeList(row.scopes),
    managed: row.managed === 1,
  }
}

function nameHolder({ kind, name }: { readonly kind: HolderKind; readonly name: string }): string {
  return `${kind}:${name}`
}
