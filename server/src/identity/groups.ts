import { PlatformError } from '@atrium/contract/errors.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'
import type { GroupsTable } from '#store/tables.ts'
import { readInParts } from './in-parts.ts'
import { normaliseUserName, parseGroupName, printable } from './names.ts'

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

/** A group to be made. */
export interface NewGroup {
  readonly name: string
  readonly users: readonly string[]
}

/** The groups. Changes of a group or its members are announced as `group NAME`, those of a user's groups as `user NAME` too. */
export interface Groups {
  find(name: string): Promise<GroupView | undefined>
  /** In order of creation. `within`: only those of these names. `total` counts all groups, as JupyterHub does. */
  list(query: {
    readonly offset: number
    readonly limit: number
    readonly within?: readonly string[]
  }): Promise<{ groups: readonly GroupView[]; total: number }>
  /** Throws `conflict` when one exists, `bad_request` when a member does not, `invalid_name`. All or nothing. */
  create(groups: readonly NewGroup[], actor: Actor): Promise<readonly GroupView[]>
  /** Throws `not_found`. */
  remove(name: string, actor: Actor): Promise<void>
  /** Repeatable. Throws `not_found`, and `bad_request` for an unknown user. */
  addMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView>
  removeMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView>
  setProperties(name: string, properties: Readonly<Record<string, unknown>>, actor: Actor): Promise<GroupView>
}

/** See `Groups`. */
export function createGroups(options: { readonly store: Store; readonly clock: Clock }): Groups {
  return new StoredGroups(options)
}

class StoredGroups implements Groups {
  readonly #store: Store
  readonly #clock: Clock

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store
    this.#clock = clock
  }

  async find(name: string): Promise<GroupView | undefined> {
    const row = await this.#store.db
      .selectFrom('groups')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst()
    if (row === undefined) return undefined
    const [view] = await readViews(this.#store.db, [row])
    return view
  }

  async list({ offset, limit, within }: Parameters<Groups['list']>[0]): ReturnType<Groups['list']> {
    const { db } = this.#store
    const all = db.selectFrom('groups').selectAll()
    const rows = await (within === undefined ? all : all.where('name', 'in', ['', ...within]))
      .orderBy('id')
      .limit(limit)
      .offset(offset)
      .execute()
    const { total } = await db
      .selectFrom('groups')
      .select((count) => count.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow()
    return { groups: await readViews(db, rows), total }
  }

  async create(groups: readonly NewGroup[], actor: Actor): Promise<readonly GroupView[]> {
    return this.#store.transaction(async (tx) => {
      const rows: Selectable<GroupsTable>[] = []
      for (const group of groups) rows.push(await this.#createOne(tx, group, actor))
      return readViews(tx.db, rows)
    })
  }

  async #createOne(tx: StoreTransaction, group: NewGroup, actor: Actor): Promise<Selectable<GroupsTable>> {
    const name = parseGroupName(group.name)
    const row = await tx.db
      .insertInto('groups')
      .values({ name, properties: '{}', created_at: this.#clock.now() })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) throw new PlatformError('conflict', { message: `Group ${name} already exists` })
    await addMembers(tx, row, group.users)
    await recordAudit(tx, this.#clock, {
      actor,
      action: 'group.create',
      target: `group:${name}`,
      detail: { users: group.users },
    })
    return row
  }

  async remove(name: string, actor: Actor): Promise<void> {
    await this.#change(name, actor, 'group.delete', {}, async (tx, group) => {
      const members = await readMemberNames(tx.db, group.id)
      await tx.db.deleteFrom('groups').where('id', '=', group.id).execute()
      for (const member of members) tx.changed('user', member)
    })
  }

  async addMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView> {
    return this.#change(name, actor, 'group.add', { users }, (tx, group) => addMembers(tx, group, users))
  }

  async removeMembers(name: string, users: readonly string[], actor: Actor): Promise<GroupView> {
    return this.#change(name, actor, 'group.remove', { users }, async (tx, group) => {
      for (const user of await findMembers(tx, users)) {
        await tx.db
          .deleteFrom('group_members')
          .where('group_id', '=', group.id)
          .where('user_id', '=', user.id)
          .execute()
        tx.changed('user', user.name)
      }
    })
  }

  async setProperties(
    name: string,
    properties: Readonly<Record<string, unknown>>,
    actor: Actor,
  ): Promise<GroupView> {
    return this.#change(name, actor, 'group.update', { properties }, async (tx, group) => {
      await tx.db
        .updateTable('groups')
        .set({ properties: JSON.stringify(properties) })
        .where('id', '=', group.id)
        .execute()
    })
  }

  /** Finds the group, changes it, announces and records that. Answers it as it is after. */
  async #change(
    name: string,
    actor: Actor,
    action: string,
    detail: Readonly<Record<string, unknown>>,
    work: (tx: StoreTransaction, group: Selectable<GroupsTable>) => Promise<void>,
  ): Promise<GroupView> {
    return this.#store.transaction(async (tx) => {
      const row = await tx.db.selectFrom('groups').selectAll().where('name', '=', name).executeTakeFirst()
      if (row === undefined)
        throw new PlatformError('not_found', { message: `No such group: ${printable(name)}` })
      await work(tx, row)
      tx.changed('group', name)
      await recordAudit(tx, this.#clock, { actor, action, target: `group:${name}`, detail })
      const changed = await tx.db.selectFrom('groups').selectAll().where('id', '=', row.id).executeTakeFirst()
      const [view] = await readViews(tx.db, [changed ?? row])
      return view as GroupView
    })
  }
}

/** Adds users to a group as a part of something larger. Throws `bad_request` for an unknown one. */
async function addMembers(
  tx: StoreTransaction,
  group: { readonly id: number; readonly name: string },
  names: readonly string[],
): Promise<void> {
  for (const user of await findMembers(tx, names)) {
    await tx.db
      .insertInto('group_members')
      .values({ group_id: group.id, user_id: user.id })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    tx.changed('user', user.name)
  }
  tx.changed('group', group.name)
}

async function findMembers(tx: StoreTransaction, names: readonly string[]) {
  const wanted = [...new Set(names.map(normaliseUserName))]
  const found = await readInParts(wanted, (part) =>
    tx.db.selectFrom('users').select(['id', 'name']).where('name', 'in', part).execute(),
  )
  const known = new Set(found.map(({ name }) => name))
  const missing = wanted.find((name) => !known.has(name))
  if (missing !== undefined) {
    throw new PlatformError('bad_request', { message: `No such user: ${printable(missing)}` })
  }
  return found
}

async function readMemberNames(db: ReadableDatabase, groupId: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('users', 'users.id', 'group_members.user_id')
    .select('users.name')
    .where('group_id', '=', groupId)
    .execute()
  return rows.map(({ name }) => name)
}

async function readViews(
  db: ReadableDatabase,
  rows: readonly Selectable<GroupsTable>[],
): Promise<readonly GroupView[]> {
  const ids = rows.map(({ id }) => id)
  const members = await readInParts(ids, (part) =>
    db
      .selectFrom('group_members')
      .innerJoin('users', 'users.id', 'group_members.user_id')
      .select(['group_id', 'users.name'])
      .where('group_id', 'in', part)
      .orderBy('users.id')
      .execute(),
  )
  const roles = await readInParts(ids, (part) =>
    db
      .selectFrom('role_assignments')
      .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
      .select(['group_id', 'roles.name'])
      .where('group_id', 'in', part)
      .orderBy('roles.id')
      .execute(),
  )
  const membersOf = Map.groupBy(members, ({ group_id }) => group_id)
  const rolesOf = Map.groupBy(roles, ({ group_id }) => group_id)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    properties: JSON.parse(row.properties),
    gid: row.gid,
    users: (membersOf.get(row.id) ?? []).map(({ name }) => name),
    roles: (rolesOf.get(row.id) ?? []).map(({ name }) => name),
  }))
}
