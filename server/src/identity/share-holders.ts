import type { StoreTransaction } from '#store/store.ts'

/**
 * For an owner who goes or gets another name: tells everybody with whom one of the owner's servers is shared that what they may do has changed.
 * Else they could open the servers of the next user of that name for as long as somebody remembers their permissions.
 */
export async function announceShareHolders(tx: StoreTransaction, ownerId: number): Promise<void> {
  const holders = await tx.db
    .selectFrom('shares')
    .leftJoin('users', 'users.id', 'shares.user_id')
    .leftJoin('groups', 'groups.id', 'shares.group_id')
    .where('shares.owner_id', '=', ownerId)
    .select(['users.name as user', 'groups.name as group'])
    .distinct()
    .execute()
  for (const { user, group } of holders)
    tx.changed('share', user === null ? `group ${group}` : `user ${user}`)
}
