import { recordAudit, systemActor } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import { applyRoleHolders, applyRoles } from './apply-roles.ts'
import type { ConfiguredGroup, IdentityConfig } from './identity-config.ts'
import { readInParts } from './in-parts.ts'
import { insertUsers } from './insert-users.ts'
import { parseGroupName, parseUserName } from './names.ts'

/**
 * Brings users, groups and roles in line with the configuration, all or nothing; what agrees already is not written, so that a start changes
 * and announces nothing as a rule. Services that roles name must be there before. Throws `bad_request` and `invalid_name` with what is wrong.
 */
export async function applyIdentityConfig(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  config: IdentityConfig,
): Promise<void> {
  const admins = new Set([...config.admins, ...listAdminRoleUsers(config)].map(parseUserName))
  const others = [...Object.values(config.groups), ...config.roles].flatMap(({ users }) =>
    users.map(parseUserName),
  )
  await store.transaction(async (tx) => {
    await ensureUsers(tx, clock, admins, new Set(others))
    for (const [name, group] of Object.entries(config.groups))
      await applyGroup(tx, clock, parseGroupName(name), group)
    const groupsOfRoles = new Set(config.roles.flatMap(({ groups }) => groups.map(parseGroupName)))
    for (const name of groupsOfRoles) await ensureGroup(tx, clock, name)
    await applyRoles(tx, config.roles)
    await applyRoleHolders(tx, config.roles)
  })
}

/** As in JupyterHub, who has the role `admin` by the configuration is an administrator. */
function listAdminRoleUsers({ roles }: IdentityConfig): readonly string[] {
  return roles.filter(({ name }) => name === 'admin').flatMap(({ users }) => users)
}

async function ensureUsers(
  tx: StoreTransaction,
  clock: Clock,
  admins: ReadonlySet<string>,
  others: ReadonlySet<string>,
): Promise<void> {
  const names = [...new Set([...admins, ...others])]
  const found = await readInParts(names, (part) =>
    tx.db.selectFrom('users').select(['name', 'admin']).where('name', 'in', part).execute(),
  )
  const known = new Map(found.map(({ name, admin }) => [name, admin === 1]))
  const missing = names.filter((name) => !known.has(name))
  if (missing.length > 0) {
    const users = missing.map((name) => ({ name, admin: admins.has(name) }))
    await insertUsers(tx, clock, users, systemActor)
  }
  for (const name of admins) {
    if (known.get(name) !== false) continue
    await tx.db.updateTable('users').set({ admin: 1 }).where('name', '=', name).execute()
    tx.changed('user', name)
    const detail = { admin: true }
    await recordAudit(tx, clock, {
      actor: systemActor,
      action: 'user.update',
      target: `user:${name}`,
      detail,
    })
  }
}

async function applyGroup(
  tx: StoreTransaction,
  clock: Clock,
  name: string,
  group: ConfiguredGroup,
): Promise<void> {
  const { id, properties } = await ensureGroup(tx, clock, name)
  const wanted = JSON.stringify(group.properties)
  if (properties !== wanted) {
    await tx.db.updateTable('groups').set({ properties: wanted }).where('id', '=', id).execute()
    tx.changed('group', name)
  }
  const members = await tx.db
    .selectFrom('group_members')
    .select('user_id')
    .where('group_id', '=', id)
    .execute()
  const known = new Set(members.map(({ user_id }) => user_id))
  const users = await readInParts(group.users.map(parseUserName), (part) =>
    tx.db.selectFrom('users').select(['id', 'name']).where('name', 'in', part).execute(),
  )
  for (const user of users.filter((one) => !known.has(one.id))) {
    await tx.db.insertInto('group_members').values({ group_id: id, user_id: user.id }).execute()
    tx.changed('user', user.name)
    tx.changed('group', name)
  }
}

async function ensureGroup(
  tx: StoreTransaction,
  clock: Clock,
  name: string,
): Promise<{ id: number; properties: string }> {
  const select = tx.db.selectFrom('groups').select(['id', 'properties']).where('name', '=', name)
  const known = await select.executeTakeFirst()
  if (known !== undefined) return known
  await tx.db
    .insertInto('groups')
    .values({ name, properties: '{}', created_at: clock.now() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  tx.changed('group', name)
  return select.executeTakeFirstOrThrow()
}
