import { PlatformError } from '@atrium/contract/errors.ts'

import { type Actor, recordAudits } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { StoreTransaction } from '#store/store.ts'
import { splitIntoParts } from './in-parts.ts'
import { parseUserName } from './names.ts'
import { type UserRow, userColumns } from './user-query.ts'

/** What can be said of a user at birth. */
export interface NewUser {
  /** Any spelling that `parseUserName` accepts. */
  readonly name: string
  readonly admin?: boolean
  /** Names of existing groups. */
  readonly groups?: readonly string[]
}

/** Creates users as a part of something larger; those that exist are left out of the answer. See `Users.create`. */
export async function insertUsers(
  tx: StoreTransaction,
  clock: Clock,
  users: readonly NewUser[],
  actor: Actor,
): Promise<readonly UserRow[]> {
  const wanted = new Map(users.map((user) => [parseUserName(user.name), user]))
  const created: UserRow[] = []
  for (const part of splitIntoParts([...wanted])) created.push(...(await insertPart(tx, clock, part)))
  for (const { name } of created) tx.changed('user', name)
  for (const row of created) await addToGroups(tx, row, wanted.get(row.name)?.groups ?? [])
  const entries = created.map(({ name, admin }) => ({
    actor,
    action: 'user.create',
    target: `user:${name}`,
    detail: admin === 1 ? { admin: true } : {},
  }))
  await recordAudits(tx, clock, entries)
  return created
}

async function insertPart(tx: StoreTransaction, clock: Clock, part: readonly (readonly [string, NewUser])[]) {
  return tx.db
    .insertInto('users')
    .values(part.map(([name, { admin }]) => ({ name, admin: admin ? 1 : 0, created_at: clock.now() })))
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning(userColumns)
    .execute()
}

async function addToGroups(
  tx: StoreTransaction,
  user: { readonly id: number },
  groups: readonly string[],
): Promise<void> {
  for (const group of groups) {
    const row = await tx.db.selectFrom('groups').select('id').where('name', '=', group).executeTakeFirst()
    if (row === undefined) throw new PlatformError('bad_request', { message: `No such group: ${group}` })
    await tx.db.insertInto('group_members').values({ group_id: row.id, user_id: user.id }).execute()
    tx.changed('group', group)
  }
}
