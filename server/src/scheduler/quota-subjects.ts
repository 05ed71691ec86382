import type { Kysely } from 'kysely'

import type { Tables } from '#store/tables.ts'
import { splitKeys } from './job-store.ts'
import type { QuotaSubject } from './quota.ts'

/** Whose job it is. */
export interface QuotaOwner {
  userId: number | null
  /** The group it names, if any. */
  groupId: number | null
}

/** Whom a job counts against: the narrowest first, so that a person is told of their own limit before the platform's. */
export type FindSubjects = (owner: QuotaOwner) => readonly QuotaSubject[]

/** Every job counts against the platform, its owner, and the group it names, or else every group of its owner. */
export async function readSubjects(db: Kysely<Tables>, owners: readonly QuotaOwner[]): Promise<FindSubjects> {
  const unnamed = owners.flatMap(({ userId, groupId }) =>
    userId !== null && groupId === null ? [userId] : [],
  )
  const groups = await readGroups(db, [...new Set(unnamed)])
  return ({ userId, groupId }) => {
    const ids = groupId === null ? (groups.get(userId ?? 0) ?? []) : [groupId]
    return [
      ...(userId === null ? [] : [{ kind: 'user' as const, id: userId }]),
      ...ids.map((id) => ({ kind: 'group' as const, id })),
      { kind: 'platform' },
    ]
  }
}

/** The groups of each user. */
async function readGroups(
  db: Kysely<Tables>,
  userIds: readonly number[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const groups = new Map<number, number[]>()
  for (const part of splitKeys(userIds)) {
    const rows = await db
      .selectFrom('group_members')
      .selectAll()
      .where('user_id', 'in', part)
      .orderBy('group_id')
      .execute()
    for (const { user_id, group_id } of rows) groups.set(user_id, [...(groups.get(user_id) ?? []), group_id])
  }
  return groups
}
