import { type Selectable, type SqlBool, sql } from 'kysely'

import type { ReadableDatabase } from '#store/store.ts'
import type { UsersTable } from '#store/tables.ts'

/** A part of the list of users. */
export interface UserQuery {
  readonly offset: number
  readonly limit: number
  readonly sort: 'id' | 'name' | 'last_activity'
  readonly descending: boolean
  /** Contained in the name, whatever the case. */
  readonly nameFilter?: string
  /** Only these and the members of these groups; absent: all. */
  readonly within?: { readonly users: readonly string[]; readonly groups: readonly string[] }
  /** Only users of these ids, or all but these. */
  readonly only?: ReadonlySet<number>
  readonly except?: ReadonlySet<number>
  /** False: nobody asks how many there are on all pages, and the answer's `total` is that of this one. */
  readonly counts?: boolean
}

/** A user's row without what only sign-in needs. */
export type UserRow = Pick<
  Selectable<UsersTable>,
  'id' | 'name' | 'admin' | 'created_at' | 'last_activity' | 'login' | 'uid' | 'gid'
> & { readonly has_password: SqlBool }

/** The columns of `UserRow`. */
export const userColumns = [
  'users.id',
  'users.name',
  'users.admin',
  'users.created_at',
  'users.last_activity',
  'users.login',
  'users.uid',
  'users.gid',
  sql<SqlBool>`users.password_hash is not null`.as('has_password'),
] as const

/** The users that the query finds, and how many there are on all its pages. Who was never active comes first, last when descending. */
export async function selectUsers(
  db: ReadableDatabase,
  query: UserQuery,
): Promise<{ rows: readonly UserRow[]; total: number }> {
  const matching = selectMatching(db, query)
  const column = sql.ref(`users.${query.sort}`)
  const direction = query.descending ? 'desc' : 'asc'
  const rows = await matching
    .select(userColumns)
    .orderBy(query.descending ? sql`${column} is null` : sql`${column} is not null`)
    .orderBy(column, direction)
    .orderBy('users.id', direction)
    .limit(query.limit)
    .offset(query.offset)
    .execute()
  const isWhole = query.counts === false || (query.offset === 0 && rows.length < query.limit)
  if (isWhole) return { rows, total: rows.length }
  const { total } = await matching
    .select((count) => count.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  return { rows, total }
}

function selectMatching(db: ReadableDatabase, { nameFilter, within, only, except }: UserQuery) {
  let matching = db.selectFrom('users')
  if (nameFilter !== undefined && nameFilter !== '') matching = matching.where(nameContains(nameFilter))
  if (only !== undefined) matching = matching.where('users.id', 'in', atLeastOne(only))
  if (except !== undefined && except.size > 0) matching = matching.where('users.id', 'not in', [...except])
  if (within === undefined) return matching
  const { users, groups } = within
  return matching.where((where) =>
    where.or([
      where('users.name', 'in', atLeastOne(users)),
      where.exists(
        where
          .selectFrom('group_members')
          .innerJoin('groups', 'groups.id', 'group_members.group_id')
          .select('groups.id')
          .whereRef('group_members.user_id', '=', 'users.id')
          .where('groups.name', 'in', atLeastOne(groups)),
      ),
    ]),
  )
}

/** PostgreSQL takes no empty list; null equals nothing. */
function atLeastOne<T>(values: Iterable<T>): T[] {
  const list = [...values]
  return list.length > 0 ? list : [null as T]
}

function nameContains(text: string) {
  const literal = text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')
  return sql<SqlBool>`lower(users.name) like ${`%${literal}%`} escape '\\'`
}
