import type { ReadableDatabase } from '#store/store.ts'
import { readInParts } from './in-parts.ts'
import type { IsMember } from './scope-set.ts'

/** Names of the members of these groups, as of now. A group without members, or that does not exist, is absent. */
export async function readMembers(
  db: ReadableDatabase,
  groups: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await readInParts([...groups], (part) =>
    db
      .selectFrom('group_members')
      .innerJoin('groups', 'groups.id', 'group_members.group_id')
      .innerJoin('users', 'users.id', 'group_members.user_id')
      .select(['groups.name as group', 'users.name as user'])
      .where('groups.name', 'in', part)
      .execute(),
  )
  const members = new Map<string, Set<string>>()
  for (const { group, user } of rows) {
    const known = members.get(group)
    if (known === undefined) members.set(group, new Set([user]))
    else known.add(user)
  }
  return members
}

/** Who is in which of these groups, as of now. Other groups have no members for it. */
export async function readMemberships(db: ReadableDatabase, groups: ReadonlySet<string>): Promise<IsMember> {
  const members = await readMembers(db, groups)
  return (group, user) => members.get(group)?.has(user) ?? false
}
