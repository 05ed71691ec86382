import { createHash } from 'node:crypto'

import type { Store } from '#store/store.ts'

/** What a group is on the machines. Fixed at its first use: a renamed group keeps both. */
export interface UnixGroup {
  /** The platform's name for it, any readable text. */
  name: string
  /** Names its folder: safe as one part of a path, of no other group and of none that ever was. */
  folder: string
  gid: number
}

/** Finds or makes what users' groups are on the machines. */
export interface UnixGroups {
  /** Of all groups that the user is in now, in order of their creation. Repeatable; safe on several replicas. */
  ensureOf(userId: number): Promise<readonly UnixGroup[]>
}

/**
 * Above what systemd gives to containers, below what some programs take for negative: a span that nobody else uses
 * (https://systemd.io/UIDS-GIDS/). The id of the row is added, so that no number is given out a second time, even for a group of the same name:
 * it must not get the files of the one before.
 */
const firstGid = 1_900_000_000

/** See `UnixGroups`. */
export function createUnixGroups({ store }: { store: Store }): UnixGroups {
  return {
    async ensureOf(userId) {
      const groups = await readGroups(store, userId)
      for (const { id, name, unixId } of groups) if (unixId === null) await fix(store, { id, name })
      const all = groups.some(({ unixId }) => unixId === null) ? await readGroups(store, userId) : groups
      return all.flatMap(({ name, folder, unixId }) =>
        // Deleted in between, it is of no use any more.
        unixId === null || folder === null ? [] : [{ name, folder, gid: firstGid + unixId }],
      )
    },
  }
}

function readGroups(store: Store, userId: number) {
  return store.db
    .selectFrom('group_members')
    .innerJoin('groups', 'groups.id', 'group_members.group_id')
    .leftJoin('unix_groups', 'unix_groups.group_id', 'groups.id')
    .select(['groups.id', 'groups.name', 'unix_groups.id as unixId', 'unix_groups.folder'])
    .where('group_members.user_id', '=', userId)
    .orderBy('groups.id')
    .execute()
}

/** Both columns are unique, so that of two replicas one makes the row and the other finds it. */
async function fix(store: Store, { id, name }: { id: number; name: string }): Promise<void> {
  const wanted = buildGroupFolder(name)
  for (let attempt = 1; ; attempt++) {
    const folder = attempt === 1 ? wanted : `${wanted}-${attempt}`
    const isOver = await store.transaction(async (tx) => {
      const group = await tx.db.selectFrom('groups').select('id').where('id', '=', id).executeTakeFirst()
      if (group === undefined) return true
      const made = await tx.db
        .insertInto('unix_groups')
        .values({ folder, group_id: id })
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst()
      if (made !== undefined) {
        await tx.db
          .updateTable('groups')
          .set({ gid: firstGid + made.id })
          .where('id', '=', id)
          .execute()
        return true
      }
      const known = await tx.db
        .selectFrom('unix_groups')
        .select('id')
        .where('group_id', '=', id)
        .executeTakeFirst()
      return known !== undefined
    })
    if (isOver) return
  }
}

/** A group's name as one part of a path. A name that is none, or hard to type, is replaced by what can be read of it and a hash. */
export function buildGroupFolder(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) return name
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 30)
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return readable === '' ? `group-${hash}` : `${readable}-${hash}`
}
