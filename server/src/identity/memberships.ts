import type { ReadableDatabase } from '#store/store.ts'
import type { IsMember } from './scope-set.ts'

/** Who is in which groups, as of now. The answer keeps to these groups; others have no members for it. */
export async function readMemberships(db: ReadableDatabase, groups: ReadonlySet<string>): Promise<IsMember> {
  if (groups.size === 0) return () => false
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('groups', 'groups.id', 'group_members.group_id')
    .innerJoin('users', 'users.id', 'group_members.user_id')
    .select(['groups.name as group', 'users.name as user'])
    .where('groups.name', 'in', [...groups])
    .execute()
  const members = new Map<string, Set<string>>()
  for (const { group, user } of rows) {
    const known = members.get(group)
    if (known === undefined) members.set(group, new Set([user]))
    else known.add(user)
  }
  return (group, user) => members.get(group)?.has(user) ?? false
}
