import { sql } from 'kysely'

import type { Clock } from '#platform/clock.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'

/** A server as stored. It outlives its jobs. */
export interface ServerRecord {
  id: number
  userId: number
  /** Its owner's name. */
  user: string
  /** Empty for the default server. */
  name: string
  displayName: string
  jobKey: string | null
  profile: string | null
  userOptions: UserOptions
  startedAtMs: number | null
  lastActivityMs: number | null
  keepUntilMs: number | null
  idleStopAtMs: number | null
  /** See `parseIdleReport`. */
  idleReport: string | null
  removeWhenStopped: boolean
}

/** What the person chose at the start; `profile` is the one key that Atrium reads. */
export type UserOptions = Readonly<Record<string, unknown>>

/** Names a server: its owner and its name. */
export interface ServerName {
  user: string
  /** Empty for the default server. */
  server: string
}

/** Both databases limit how many values one statement takes. */
const idsPerQuery = 5000

/** The servers of these ids. */
export async function listServers(
  db: ReadableDatabase,
  ids: readonly number[],
): Promise<readonly ServerRecord[]> {
  return inParts(ids, (part) => selectServers(db).where('servers.id', 'in', part).execute())
}

/** Every server these users ever had, by name. */
export async function listServersOfUsers(
  db: ReadableDatabase,
  userIds: readonly number[],
): Promise<readonly ServerRecord[]> {
  return inParts(userIds, (part) =>
    selectServers(db).where('servers.user_id', 'in', part).orderBy('servers.name').execute(),
  )
}

/** The server of this name, if its owner ever had it. */
export async function findServer(db: ReadableDatabase, name: ServerName): Promise<ServerRecord | undefined> {
  const row = await selectServers(db)
    .where('users.name', '=', name.user)
    .where('servers.name', '=', name.server)
    .executeTakeFirst()
  return row === undefined ? undefined : parseServerRow(row)
}

/**
 * The server of this name, made if need be, locked until the transaction ends: of two starts at the same time one waits and then sees
 * the other's job.
 */
export async function lockServer(
  tx: StoreTransaction,
  server: { userId: number; name: string; displayName: string; nowMs: number },
): Promise<ServerRecord> {
  await tx.db
    .insertInto('servers')
    .values({
      user_id: server.userId,
      name: server.name,
      display_name: server.displayName,
      user_options: '{}',
      created_at: server.nowMs,
    })
    .onConflict((conflict) => conflict.columns(['user_id', 'name']).doNothing())
    .execute()
  // SQLite knows no `for update`; a write that changes nothing locks the row on PostgreSQL too.
  const { id } = await tx.db
    .updateTable('servers')
    .set({ name: sql<string>`name` })
    .where('user_id', '=', server.userId)
    .where('name', '=', server.name)
    .returning('id')
    .executeTakeFirstOrThrow()
  const row = await selectServers(tx.db).where('servers.id', '=', id).executeTakeFirstOrThrow()
  return parseServerRow(row)
}

/** The user's default server, which exists for everybody, as a record: for what is to be tied to it before it was ever started. */
export async function ensureDefaultServer(
  { store, clock }: { store: Store; clock: Clock },
  owner: { id: number; name: string },
): Promise<ServerRecord> {
  const known = await findServer(store.db, { user: owner.name, server: '' })
  if (known !== undefined) return known
  return store.transaction((tx) =>
    lockServer(tx, { userId: owner.id, name: '', displayName: '', nowMs: clock.now() }),
  )
}

/** The server of this id, locked until the transaction ends. */
export async function findLockedServer(tx: StoreTransaction, id: number): Promise<ServerRecord | undefined> {
  await tx.db.updateTable('servers').set({ name: sql<string>`name` }).where('id', '=', id).execute()
  const row = await selectServers(tx.db).where('servers.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : parseServerRow(row)
}

/** Tells every replica that something of the server changed. The change's key is the server's id. */
export function announceServer(tx: StoreTransaction, id: number): void {
  tx.changed('server', String(id))
}

function selectServers(db: ReadableDatabase) {
  return db
    .selectFrom('servers')
    .innerJoin('users', 'users.id', 'servers.user_id')
    .selectAll('servers')
    .select('users.name as user')
}

async function inParts(
  ids: readonly number[],
  read: (part: readonly number[]) => Promise<readonly ServerRow[]>,
): Promise<readonly ServerRecord[]> {
  const records: ServerRecord[] = []
  for (let start = 0; start < ids.length; start += idsPerQuery) {
    const rows = await read(ids.slice(start, start + idsPerQuery))
    for (const row of rows) records.push(parseServerRow(row))
  }
  return records
}

type ServerRow = Awaited<ReturnType<ReturnType<typeof selectServers>['executeTakeFirstOrThrow']>>

function parseServerRow(row: ServerRow): ServerRecord {
  return {
    id: row.id,
    userId: row.user_id,
    user: row.user,
    name: row.name,
    displayName: row.display_name,
    jobKey: row.job_key,
    profile: row.profile,
    userOptions: JSON.parse(row.user_options) as UserOptions,
    startedAtMs: row.started_at,
    lastActivityMs: row.last_activity,
    keepUntilMs: row.keep_until,
    idleStopAtMs: row.idle_stop_at,
    idleReport: row.idle_report,
    removeWhenStopped: row.remove_when_stopped === 1,
  }
}
