import { PlatformError } from '@atrium/contract/errors.ts'
import { type DefaultRole, defaultRoles } from '@atrium/contract/permissions.ts'

import type { StoreTransaction } from '#store/store.ts'
import { findScopeProblem } from './check-scopes.ts'
import type { ConfiguredRole } from './identity-config.ts'
import { parseGroupName, parseUserName } from './names.ts'

/** Makes the program's and the configuration's roles what they should be. Other managed roles go. */
export async function applyRoles(tx: StoreTransaction, roles: readonly ConfiguredRole[]): Promise<void> {
  const wanted = new Map<string, DefaultRole>(defaultRoles.map((role) => [role.name, role]))
  for (const role of roles) if (role.name !== 'admin') wanted.set(role.name, role)
  for (const role of roles) assertRole(role)
  const rows = await tx.db.selectFrom('roles').selectAll().execute()
  const known = new Map(rows.map((row) => [row.name, row]))
  for (const { name, description, scopes } of wanted.values()) {
    const row = known.get(name)
    const values = { description, scopes: JSON.stringify(scopes), managed: 1 }
    const agrees = row?.description === description && row.scopes === values.scopes && row.managed === 1
    if (agrees) continue
    await tx.db
      .insertInto('roles')
      .values({ name, ...values })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute()
    tx.changed('role', name)
  }
  for (const { id, name, managed } of rows) {
    if (managed === 0 || wanted.has(name)) continue
    await tx.db.deleteFrom('roles').where('id', '=', id).execute()
    tx.changed('role', name)
  }
}

function assertRole({ name, scopes }: ConfiguredRole): void {
  const problem = findScopeProblem(scopes, `role ${name}`)
  if (problem !== undefined) throw new PlatformError('bad_request', { message: problem })
  if (name === 'admin' && scopes.length > 0) {
    throw new PlatformError('bad_request', { message: 'The scopes of the role admin cannot be changed.' })
  }
}

/** Who has a role by the configuration, and so, of those who have it managed, nobody else. */
export async function applyRoleHolders(
  tx: StoreTransaction,
  roles: readonly ConfiguredRole[],
): Promise<void> {
  const wanted = new Map<string, Assignment>()
  for (const role of roles) {
    for (const assignment of await findAssignments(tx, role)) wanted.set(keyOf(assignment), assignment)
  }
  const rows = await tx.db.selectFrom('role_assignments').selectAll().where('managed', '=', 1).execute()
  const known = new Set(rows.map(keyOf))
  for (const row of rows) {
    if (wanted.has(keyOf(row))) continue
    await tx.db.deleteFrom('role_assignments').where('id', '=', row.id).execute()
    tx.changed('role', '*')
  }
  for (const [key, assignment] of wanted) {
    if (known.has(key)) continue
    await tx.db
      .deleteFrom('role_assignments')
      .where((where) => where.and(assignment))
      .execute()
    await tx.db
      .insertInto('role_assignments')
      .values({ user_id: null, group_id: null, service_id: null, ...assignment, managed: 1 })
      .execute()
    tx.changed('role', '*')
  }
}

type Assignment = { role_id: number } & ({ user_id: number } | { group_id: number } | { service_id: number })

async function findAssignments(tx: StoreTransaction, role: ConfiguredRole): Promise<readonly Assignment[]> {
  const { id: role_id } = await tx.db
    .selectFrom('roles')
    .select('id')
    .where('name', '=', role.name)
    .executeTakeFirstOrThrow()
  const find = async (table: 'users' | 'groups' | 'services', names: readonly string[]) => {
    if (names.length === 0) return []
    const rows = await tx.db.selectFrom(table).select(['id', 'name']).where('name', 'in', names).execute()
    const missing = names.find((name) => !rows.some((row) => row.name === name))
    if (missing === undefined) return rows.map(({ id }) => id)
    throw new PlatformError('bad_request', {
      message: `Role ${role.name}: there is no ${table.slice(0, -1)} ${missing}`,
    })
  }
  // An administrator has the role by the user's flag.
  const users = role.name === 'admin' ? [] : role.users.map(parseUserName)
  return [
    ...(await find('users', users)).map((user_id) => ({ role_id, user_id })),
    ...(await find('groups', role.groups.map(parseGroupName))).map((group_id) => ({ role_id, group_id })),
    ...(await find('services', role.services)).map((service_id) => ({ role_id, service_id })),
  ]
}

function keyOf(assignment: {
  role_id: number
  user_id?: number | null
  group_id?: number | null
  service_id?: number | null
}): string {
  const { role_id, user_id, group_id, service_id } = assignment
  return [role_id, user_id ?? '', group_id ?? '', service_id ?? ''].join()
}
