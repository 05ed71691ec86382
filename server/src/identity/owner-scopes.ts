import { defaultRoles } from '@atrium/contract/permissions.ts'

import type { ReadableDatabase } from '#store/store.ts'
import { expandScopes, listFilterGroups, type ScopeOwner } from './expand-scopes.ts'
import { readInParts } from './in-parts.ts'

/** What a user or service may do, from everywhere it comes. */
export interface OwnerScopes {
  readonly owner: ScopeOwner & { readonly id: number; readonly admin: boolean }
  readonly expanded: ReadonlySet<string>
  /** Groups that matter for it: the owner's own and those that filters name. A change of one may change what is allowed. */
  readonly groups: ReadonlySet<string>
  /** When the first share in it expires. */
  readonly validUntilMs: number
}

/** Reads what users may do: the roles they have, those of their groups, and what is shared with them. Ids of nobody are left out. */
export async function readScopesOfUsers(
  db: ReadableDatabase,
  ids: readonly number[],
  nowMs: number,
): Promise<ReadonlyMap<number, OwnerScopes>> {
  if (ids.length === 0) return new Map()
  const users = await readInParts(ids, (part) =>
    db.selectFrom('users').select(['id', 'name', 'admin']).where('id', 'in', part).execute(),
  )
  const groups = Map.groupBy(
    await readInParts(ids, (part) => selectGroups(db, part)),
    ({ user_id }) => user_id,
  )
  const roles = Map.groupBy(
    await readInParts(ids, (part) => selectUserRoles(db, part)),
    ({ user_id }) => user_id,
  )
  const shares = Map.groupBy(
    await readInParts(ids, (part) => selectShares(db, part, nowMs)),
    ({ recipient }) => recipient,
  )
  const everybody = await readRoleScopes(db, 'user')
  const found = new Map<number, OwnerScopes>()
  for (const { id, name, admin } of users) {
    const owner = { kind: 'user', id, name, admin: admin === 1 } as const
    const written = [
      ...everybody,
      ...(owner.admin ? scopesOfDefaultRole('admin') : []),
      ...(roles.get(id) ?? []).flatMap(({ scopes }) => parseScopeList(scopes)),
      ...(shares.get(id) ?? []).flatMap(listSharedScopes),
    ]
    const ends = (shares.get(id) ?? []).map(({ expires_at }) => expires_at ?? Number.POSITIVE_INFINITY)
    const expanded = expandScopes(written, { owner })
    found.set(id, {
      owner,
      expanded,
      groups: new Set([...(groups.get(id) ?? []).map(({ name }) => name), ...listFilterGroups(expanded)]),
      validUntilMs: Math.min(Number.POSITIVE_INFINITY, ...ends),
    })
  }
  return found
}

/** The same of services: their roles alone. */
export async function readScopesOfServices(
  db: ReadableDatabase,
  ids: readonly number[],
): Promise<ReadonlyMap<number, OwnerScopes>> {
  const services = await readInParts(ids, (part) =>
    db.selectFrom('services').select(['id', 'name', 'admin']).where('id', 'in', part).execute(),
  )
  const roles = Map.groupBy(
    await readInParts(ids, (part) => selectServiceRoles(db, part)),
    ({ service_id }) => service_id,
  )
  const found = new Map<number, OwnerScopes>()
  for (const { id, name, admin } of services) {
    const owner = { kind: 'service', id, name, admin: admin === 1 } as const
    const written = [
      ...(owner.admin ? scopesOfDefaultRole('admin') : []),
      ...(roles.get(id) ?? []).flatMap(({ scopes }) => parseScopeList(scopes)),
    ]
    const expanded = expandScopes(written, { owner })
    found.set(id, {
      owner,
      expanded,
      groups: listFilterGroups(expanded),
      validUntilMs: Number.POSITIVE_INFINITY,
    })
  }
  return found
}

/** A stored list of scopes. */
export function parseScopeList(json: string): readonly string[] {
  return JSON.parse(json) as string[]
}

/** What a role gives: as configured, else as the program has it. */
async function readRoleScopes(db: ReadableDatabase, name: 'user'): Promise<readonly string[]> {
  const row = await db.selectFrom('roles').select('scopes').where('name', '=', name).executeTakeFirst()
  return row === undefined ? scopesOfDefaultRole(name) : parseScopeList(row.scopes)
}

function scopesOfDefaultRole(name: 'user' | 'admin'): readonly string[] {
  return defaultRoles.find((role) => role.name === name)?.scopes ?? []
}

function selectGroups(db: ReadableDatabase, userIds: readonly number[]) {
  return db
    .selectFrom('group_members')
    .innerJoin('groups', 'groups.id', 'group_members.group_id')
    .select(['group_members.user_id', 'groups.name'])
    .where('group_members.user_id', 'in', userIds)
    .execute()
}

/** Roles given to the users and to their groups. */
async function selectUserRoles(db: ReadableDatabase, userIds: readonly number[]) {
  const own = await db
    .selectFrom('role_assignments')
    .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
    .select(['role_assignments.user_id', 'roles.scopes'])
    .where('role_assignments.user_id', 'in', userIds)
    .execute()
  const ofGroups = await db
    .selectFrom('group_members')
    .innerJoin('role_assignments', 'role_assignments.group_id', 'group_members.group_id')
    .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
    .select(['group_members.user_id', 'roles.scopes'])
    .where('group_members.user_id', 'in', userIds)
    .execute()
  return [...own, ...ofGroups]
}

function selectServiceRoles(db: ReadableDatabase, serviceIds: readonly number[]) {
  return db
    .selectFrom('role_assignments')
    .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
    .select(['role_assignments.service_id', 'roles.scopes'])
    .where('role_assignments.service_id', 'in', serviceIds)
    .execute()
}

interface ShareRow {
  recipient: number
  scopes: string
  expires_at: number | null
  owner: string
  server: string
}

/** What is shared with the users and with their groups. */
async function selectShares(
  db: ReadableDatabase,
  userIds: readonly number[],
  nowMs: number,
): Promise<readonly ShareRow[]> {
  const live = db
    .selectFrom('shares')
    .innerJoin('servers', 'servers.id', 'shares.server_id')
    .innerJoin('users as owners', 'owners.id', 'servers.user_id')
    .where((where) =>
      where.or([where('shares.expires_at', 'is', null), where('shares.expires_at', '>', nowMs)]),
    )
    .select(['shares.scopes', 'shares.expires_at', 'owners.name as owner', 'servers.name as server'])
  const own = await live
    .where('shares.user_id', 'in', userIds)
    .select((column) => column.ref('shares.user_id').$notNull().as('recipient'))
    .execute()
  const ofGroups = await live
    .innerJoin('group_members', 'group_members.group_id', 'shares.group_id')
    .where('group_members.user_id', 'in', userIds)
    .select('group_members.user_id as recipient')
    .execute()
  return [...own, ...ofGroups]
}

/** A share speaks of one server, whatever it and its owner were called when it was made. */
function listSharedScopes({ scopes, owner, server }: ShareRow): readonly string[] {
  return parseScopeList(scopes).map((text) => `${text.split('!', 1)[0]}!server=${owner}/${server}`)
}
